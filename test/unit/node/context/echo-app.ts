/** An app that answers what it hears: each ping makes every other node pong, and a pong would make them pong again. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { built } from "../../sdk/app/built.ts";

const SOURCE = `
import { Counter, Map, app, emit, env, event, fail, init, view, xcall } from "@shoal/app";

@event
class Heard {
  constructor(readonly text: string) {}
}

@app
class Echo {
  pings: Counter;
  pongs: Counter;
  @private seen: Map<string, string>;

  @init
  init(): void {}

  @xcall
  ping(text: string): void {
    this.pings.increment();
    emit(new Heard(text), "pong");
  }

  pong(text: string): void {
    if (text == "fail") fail("not this one");
    if (text == "look") return;
    this.pongs.increment();
    emit(new Heard(text), "pong");
  }

  note(text: string): void {
    this.pings.increment();
    this.seen.set("note", text);
  }

  @view
  noted(): string | null {
    return this.seen.get("note");
  }

  callOther(context: string): void {
    this.pings.increment();
    env.xcall(context, "ping", new Heard("from afar"));
  }

  @view
  counts(): i64[] {
    return [<i64>this.pings.value, <i64>this.pongs.value];
  }
}
`;

export async function echoApp(): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-echo-"));
  try {
    await mkdir(join(folder, "src"));
    await writeFile(join(folder, "src/app.ts"), SOURCE);
    await writeFile(join(folder, "app.json"), '{"package":"org.example.echo","version":"1.0.0","name":"Echo"}');
    return await built(folder, "echo");
  } finally {
    await rm(folder, { recursive: true });
  }
}
