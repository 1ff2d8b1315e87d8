/** One Worker in front of one container. The container is the image of backend/Dockerfile. */

import { Container, getContainer } from "@cloudflare/containers";

// The library looks for it among the exports of the Worker, whenever the object is made anew.
export { ContainerProxy } from "@cloudflare/containers";

import { isOfServer, lost, unavailable } from "./answers.ts";
import { fingerprint, settingsOf } from "./variables.ts";

interface Env {
  BACKEND: DurableObjectNamespace<Backend>;
}

const STARTED_WITH = "autoforge:started-with";

export class Backend extends Container<Env> {
  override defaultPort = 8000;
  override sleepAfter = "15m";
  override pingEndpoint = "localhost/healthz";
  override envVars = settingsOf(this.env);

  constructor(ctx: DurableObjectState<{}>, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(() => this.endOneOfOtherSettings());
  }

  override async fetch(request: Request): Promise<Response> {
    try {
      const { status } = await this.getState();
      if (!this.ctx.container?.running || status !== "healthy") await this.startAndWaitForPorts(this.defaultPort);
    } catch (error) {
      console.error("the container does not start:", error);
      return unavailable(request);
    }
    try {
      const response = await super.fetch(request);
      if (isOfServer(response)) return response;
      console.error("no answer of the server:", response.status, await response.text());
    } catch (error) {
      console.error("no answer of the server:", error);
    }
    return lost(request);
  }

  /**
   * A container keeps the settings that it was started with, and one that has requests never sleeps: without this, a
   * rotated secret would take hold at some time or never. Each change of one makes this object anew.
   */
  private async endOneOfOtherSettings(): Promise<void> {
    const wanted = await fingerprint(this.envVars);
    if ((await this.ctx.storage.get(STARTED_WITH)) === wanted) return;
    if (this.ctx.container?.running) await this.destroy();
    await this.ctx.storage.put(STARTED_WITH, wanted);
  }
}

export default {
  async fetch(request, env) {
    try {
      return await getContainer(env.BACKEND, "primary").fetch(request);
    } catch (error) {
      console.error("the container's object does not answer:", error);
      const isRefused = (error as { overloaded?: boolean }).overloaded === true;
      return isRefused ? unavailable(request) : lost(request);
    }
  },
} satisfies ExportedHandler<Env>;
