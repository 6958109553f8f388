/** Requests to the processor's own routes: let in while it is ready, counted, and waited for when it stops. */
import type { IncomingMessage } from "node:http";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { readBody, type Reply } from "../http/body.ts";
import { ROUTE_BODY_MAX_BYTES, type RouteHandler } from "./routes.ts";

export class Intake {
  #open = false;
  #inside = 0;
  #taken = 0;
  #idle: (() => void) | undefined;

  get isOpen(): boolean {
    return this.#open;
  }

  /** Requests since the start. */
  get taken(): number {
    return this.#taken;
  }

  open(): void {
    this.#open = true;
  }

  /** Lets nobody in any more; resolves when the last one is out. */
  close(): Promise<void> {
    this.#open = false;
    if (this.#inside === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Throws `unavailable` while it is closed. */
  async handle(handler: RouteHandler, request: IncomingMessage, url: URL): Promise<Reply> {
    if (!this.#open) {
      throw new ShoalError("unavailable", "the processor takes no work now", { retryAfterSeconds: 1 });
    }
    this.#inside++;
    this.#taken++;
    try {
      const reply = await handler({
        url,
        headers: request.headers,
        text: async () => (await readBody(request, ROUTE_BODY_MAX_BYTES)).toString("utf8"),
      });
      return { status: reply.status ?? 200, body: reply.body };
    } finally {
      this.#inside--;
      if (this.#inside === 0) this.#idle?.();
    }
  }
}
