/** A stand-in for the two parts of the platform that the Worker meets: the object's storage, and its container. */

import { registerHooks } from "node:module";

const WORKERS = "data:text/javascript," + encodeURIComponent(`
  export class DurableObject { constructor(ctx, env) { this.ctx = ctx; this.env = env; } }
  export class WorkerEntrypoint {}
`);

globalThis.IdentityTransformStream = TransformStream;

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === "cloudflare:workers") return { url: WORKERS, shortCircuit: true };
    // @cloudflare/containers leaves out the endings of its files, as only bundlers understand.
    const isBare = specifier.startsWith(".") && !/\.[jt]s$/.test(specifier);
    return next(isBare ? `${specifier}.js` : specifier, context);
  },
});

/** `answer` is the server's; the server of a container that `fails` ends with exit code 1. */
export class FakeContainer {
  running = false;
  starts = [];
  destroyed = 0;

  constructor({ answer, fails } = {}) {
    this.answer = answer;
    this.fails = fails;
  }

  start(options) {
    this.running = !this.fails;
    this.starts.push(options.env);
    this.ended = Promise.withResolvers();
    if (this.fails) this.ended.resolve(1);
  }

  monitor() {
    return this.ended.promise;
  }

  async destroy() {
    this.destroyed += 1;
    this.running = false;
    this.ended.resolve();
  }

  getTcpPort() {
    return { fetch: async (url, request) => this.#answered(request) };
  }

  /** Only the proxied request is handed over as such; the library also asks whether the port answers. */
  #answered(request) {
    if (!this.running) throw new Error("the container is not listening");
    const response = request instanceof Request ? this.answer() : new Response();
    return Object.defineProperty(response, "webSocket", { value: null });
  }
}

/** What a Durable Object is handed; the storage outlives the object, as that of the platform does. */
export function contextOf(container, storage = new Map()) {
  const context = {
    container,
    exports: { ContainerProxy: () => ({}) },
    id: { toString: () => "primary" },
    storage: {
      get: async (key) => storage.get(key),
      put: async (key, value) => void storage.set(key, value),
      delete: async (key) => storage.delete(key),
      setAlarm: async () => {},
      deleteAlarm: async () => {},
      getAlarm: async () => null,
      sync: async () => {},
      sql: { exec: () => [] },
      kv: { get: (key) => storage.get(key), put: (key, value) => void storage.set(key, value), delete: (key) => storage.delete(key) },
    },
    settled: Promise.resolve(),
    blockConcurrencyWhile(work) {
      const done = Promise.resolve().then(work);
      context.settled = Promise.all([context.settled, done]);
      return done;
    },
  };
  return context;
}
