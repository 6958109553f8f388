/** An app whose calls reach beyond its own state: handlers, other contexts, blobs, users, frozen values, one node's own notes. */
export const RELAY = `/** Passes on what it is told. */
import {
  Counter, FrozenStorage, Map, Register, UserStorage, app, blobs, emit, env, event, init, json, view, xcall,
} from "@shoal/app";

@event
class Shouted {
  constructor(readonly what: string) {}
}

@event
class Echoed {
  constructor(readonly what: string) {}
}

@json
class Passed {
  constructor(readonly what: string) {}
}

@app
class Relay {
  heard: Map<string, string>;
  runs: Counter;
  passed: Map<string, string>;
  passes: Counter;
  mine: UserStorage<string>;
  frozen: FrozenStorage<Passed>;
  @private last: Register<string>;

  @init
  init(): void {}

  shout(what: string): void {
    this.heard.set(what, "shouted");
    emit(new Shouted(what), "echo");
  }

  /** On every other node: one more of \`runs\` for each of them, and a value that all of them write alike. */
  echo(what: string): void {
    this.heard.set(what, "echoed");
    this.runs.increment();
    this.last.value = what;
    emit(new Echoed(what), "echo");
  }

  @view
  heardOf(what: string): string | null {
    return this.heard.get(what);
  }

  @view
  echoes(): u64 {
    return this.runs.value;
  }

  /** What this node's own handler was last told. */
  @view
  lastEchoed(): string {
    return this.last.isSet ? this.last.value : "";
  }

  forward(to: string, what: string): void {
    this.heard.set(what, "forwarded");
    env.xcall(to, "pass", new Passed(what));
  }

  @xcall
  pass(what: string): void {
    this.passed.set(what, "passed");
    this.passes.increment();
  }

  @view
  passedTimes(): u64 {
    return this.passes.value;
  }

  publish(content: string): string {
    const id = blobs.write(Uint8Array.wrap(String.UTF8.encode(content)));
    this.heard.set("blob", id);
    blobs.announce(id);
    return id;
  }

  announce(id: string): bool {
    this.heard.set("blob", id);
    return blobs.announce(id);
  }

  setMine(value: string): void {
    this.mine.set(value);
  }

  @view
  of(user: string): string | null {
    return this.mine.getFor(user);
  }

  freeze(what: string): string {
    return this.frozen.add(new Passed(what));
  }

  @view
  thawed(hash: string): string {
    const found = this.frozen.get(hash);
    return found === null ? "" : found.what;
  }

  @view
  len(): i32 {
    return this.heard.size;
  }
}
`;
