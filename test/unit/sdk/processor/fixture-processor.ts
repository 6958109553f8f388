/** A processor that does as its environment says; run as a child process by the tests. */
import {
  milliseconds,
  Processor,
  runProcessor,
  ShoalError,
  type Routes,
  type StateData,
} from "@shoal/processor/index.ts";

const wishes = new Set((process.env["WISHES"] ?? "").split(","));

class Fixture extends Processor {
  #data: StateData = { value: "beginning" };
  #sick = false;

  override async startup(): Promise<void> {
    if (wishes.has("slow-start")) await new Promise((resolve) => setTimeout(resolve, 800));
    if (wishes.has("endless-start")) await new Promise(() => undefined);
  }

  override async run(): Promise<void> {
    if (wishes.has("crash")) throw new Error("as wished");
    for await (const _ of this.runLoop(milliseconds(20))) {
      if (wishes.has("finish")) return;
      if (wishes.has("publish")) await this.publish({ eventType: "beat", payload: {} });
    }
    console.log("run has returned");
  }

  override shutdown(): void {
    if (wishes.has("last-words")) this.#data = { ...this.#data, last: "words" };
  }

  override getState(): StateData {
    if (this.#data["value"] === "unspeakable") throw new Error("cannot say");
    return this.#data;
  }

  override restoreState(data: StateData): void {
    if (data["value"] === "poison") throw new ShoalError("invalid_argument", "poison");
    this.#data = data;
  }

  override resetState(): void {
    this.#data = { value: "beginning" };
  }

  override onRapidRestartDetected(): boolean {
    return !wishes.has("keep-state");
  }

  override onStateRestoreFailed(): boolean {
    return !wishes.has("insist");
  }

  override checkHealth(): void {
    if (this.#sick) throw new Error("sick");
  }

  override onHealthCheckFailed(): boolean {
    return wishes.has("tough");
  }

  override resetCaches(): void {
    console.log("caches are reset");
  }

  override routes(): Routes {
    return {
      "PUT /value": async (request) => {
        this.#data = { value: await request.text() };
        return { body: this.#data };
      },
      "GET /value": () => ({ body: { ...this.#data, attempt: this.context.attemptNumber } }),
      "POST /sicken": () => {
        this.#sick = true;
        return { body: "sick" };
      },
      "POST /slow": async () => {
        await new Promise((resolve) => setTimeout(resolve, 400));
        this.#data = { value: "slow" };
        return { body: "done" };
      },
      "POST /forget": async () => {
        await this.context.reset("FACTORY");
        return { body: "forgotten" };
      },
    };
  }
}

await runProcessor(Fixture);
