import assert from "node:assert/strict";
import { test } from "node:test";

import { contextOf, FakeContainer } from "./platform.js";

const { Backend, default: worker } = await import("../src/index.ts");
const { settingsOf } = await import("../src/variables.ts");

const ENV = { APP_ENV: "staging", TURSO_AUTH_TOKEN: "first", REDIS_URL: "", CLOUDFLARE_API_TOKEN: "not of the server" };
const served = () => new Response("{}", { headers: { "X-Request-Id": "r1" } });
const request = (method = "GET") => new Request("https://example.com/api/v1/prompts", { method });

async function backendOf(container, { env = ENV, storage } = {}) {
  const context = contextOf(container, storage);
  const backend = new Backend(context, env);
  await context.settled;
  return backend;
}

test("the container gets what is declared and set, and listens where the Worker asks", async () => {
  const container = new FakeContainer({ answer: served });
  const response = await (await backendOf(container, { env: { ...ENV, PORT: "9" } })).fetch(request());
  assert.equal(response.status, 200);
  assert.deepEqual(container.starts, [{ APP_ENV: "staging", TURSO_AUTH_TOKEN: "first", HOST: "0.0.0.0", PORT: "8000" }]);
});

test("a container that cannot start is a problem that says when to come back", async () => {
  const response = await (await backendOf(new FakeContainer({ fails: true }))).fetch(request());
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("Content-Type"), "application/problem+json");
  assert.equal(response.headers.get("Retry-After"), "5");
  assert.equal((await response.json()).type, "urn:autoforge:problem:starting");
});

test("an answer lost on the way says to repeat what only reads, and nothing else", async () => {
  const cut = () => {
    throw new Error("Network connection lost.");
  };
  const backend = await backendOf(new FakeContainer({ answer: cut }));
  assert.equal((await backend.fetch(request())).status, 503);
  const response = await backend.fetch(request("POST"));
  assert.equal(response.status, 502);
  assert.equal(response.headers.get("Retry-After"), null);
  assert.equal((await response.json()).type, "urn:autoforge:problem:answer_lost");
});

test("an error of the server itself arrives as it is", async () => {
  const refused = () => new Response("no", { status: 500, headers: { "X-Request-Id": "r2" } });
  const response = await (await backendOf(new FakeContainer({ answer: refused }))).fetch(request());
  assert.equal(response.status, 500);
  assert.equal(await response.text(), "no");
});

test("a changed secret ends the container that was started with the old one, and nothing else does", async () => {
  const container = new FakeContainer({ answer: served });
  const storage = new Map();
  await (await backendOf(container, { storage })).fetch(request());
  await (await backendOf(container, { storage })).fetch(request());
  assert.equal(container.destroyed, 0);
  await (await backendOf(container, { storage, env: { ...ENV, TURSO_AUTH_TOKEN: "second" } })).fetch(request());
  assert.equal(container.destroyed, 1);
  assert.equal(container.starts.at(-1).TURSO_AUTH_TOKEN, "second");
  assert.ok(![...storage.values()].some((value) => JSON.stringify(value).includes("second")));
});

test("when the object itself does not answer, the Worker does", async () => {
  const answered = (error) => {
    const failing = () => {
      throw error;
    };
    return worker.fetch(request("POST"), { BACKEND: { idFromName: () => "id", get: failing, getByName: failing } });
  };
  assert.equal((await answered(Object.assign(new Error("too much"), { overloaded: true }))).status, 503);
  assert.equal((await answered(new Error("reset"))).status, 502);
});

test("an empty value is as good as none", () => {
  assert.ok(!("REDIS_URL" in settingsOf(ENV)));
});
