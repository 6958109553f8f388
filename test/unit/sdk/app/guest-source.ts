/** An app that uses every part of the library once, for `guest.test.ts`. */
export const GUEST = `/** Everything once. */
import {
  AuthoredMap, Counter, Dictionary, FrozenStorage, Map, PnCounter, Register, Set, Text, UserStorage, Vector,
  app, blobs, emit, env, event, fail, init, json, mutate, view, xcall,
} from "@shoal/app";

@json
class Point {
  label: string | null = null;
  weight: f64 = 1.5;
  constructor(readonly x: i32, readonly y: i32) {}
}

@json
class Shape {
  constructor(readonly name: string, readonly corners: Point[] = [], readonly tags: Dictionary<bool> = new Dictionary<bool>()) {}
}

@event
class Happened {
  constructor(readonly what: string, readonly times: u32) {}
}

/** A default means this, whatever generated code calls its own. */
const first = 11;

/** Overridden below, so that calls of it go through a stub that finds out which. */
class Step {
  take(n: i32): i64 { return <i64>n; }
}
class Failing extends Step {
  take(n: i32): i64 { if (n > 2) throw new Error("step " + n.toString()); return <i64>n; }
}

function ratio(n: i32): f64 {
  if (n == 0) fail("by nothing", "division");
  return 1.0 / <f64>n;
}
function half(n: i32): f32 { return <f32>ratio(n) / 2; }
function named(n: i32): string { return "x" + half(n).toString(); }
function climb(n: i32): i32 { if (n == 0) fail("at the bottom", "deep"); return climb(n - 1) + 1; }

@app
class Guest {
  register: Register<Point>;
  maybe: Register<string | null>;
  numbers: Map<u32, i64>;
  nested: Map<string, Map<string, i32>>;
  counter: Counter;
  balance: PnCounter;
  set: Set<i32>;
  vector: Vector<string>;
  text: Text;
  mine: UserStorage<i32>;
  frozen: FrozenStorage<Point>;
  authored: AuthoredMap<string, i32>;
  total: Register<u64>;
  ratios: Vector<f64>;
  flags: Map<string, bool>;
  @private seen: Register<i32>;
  @private secret: Register<string>;
  @private hidden: Map<i32, Point>;

  @init
  init(): void {}

  @view bool(value: bool): bool { return value; }
  @view u8(value: u8): u8 { return value; }
  @view i8(value: i8): i8 { return value; }
  @view u32(value: u32): u32 { return value; }
  @view i64(value: i64): i64 { return value; }
  @view u64(value: u64): u64 { return value; }
  @view f64(value: f64): f64 { return value; }
  @view f32(value: f32): f32 { return value; }
  @view string(value: string): string { return value; }
  @view nullable(value: string | null): string | null { return value; }
  @view fallback(value: i32 = 7): i32 { return value; }
  @view bytes(value: Uint8Array): Uint8Array { return value; }
  @view list(value: i32[][]): i32[][] { return value; }
  @view dictionary(value: Dictionary<i32>): Dictionary<i32> { return value; }
  @view shape(value: Shape): Shape { return value; }
  @view @xcall nothing(): void {}
  @view nan(): f64 { return NaN; }

  /** Fails after a change, some calls deep, within what would go on with the result. */
  deep(depth: i32): i32 {
    this.counter.increment();
    const result = climb(depth);
    this.counter.increment();
    return result;
  }
  inExpression(n: i32): string { this.counter.increment(); return named(n).toUpperCase() + named(n).charAt(0); }
  overridden(n: i32, failing: bool): i64 {
    const step: Step = failing ? new Failing() : new Step();
    this.counter.increment();
    return step.take(n) + step.take(n);
  }
  whileLooping(): void { for (let i = 0; ; i++) { this.counter.increment(); if (i == 3) fail("enough"); } }
  outOfRange(index: i32): i32 { const few = [1, 2, 3]; return few[index]; }
  noneAtAll(value: string | null): i32 { return value!.length; }
  @view changing(): void { this.counter.increment(); }
  @view hiding(): void { this.secret.value = "x"; }

  registers(x: i32): i32[] {
    const before = this.register.isSet ? 1 : 0;
    this.register.value = new Point(x, -x);
    const after = this.register.isSet ? 1 : 0;
    const found = this.register.value.y;
    this.register.clear();
    return [before, after, found, this.register.isSet ? 1 : 0];
  }
  numbersToo(): f64[] {
    this.total.value = 7;
    this.ratios.push(0.5);
    this.flags.set("on", true);
    this.seen.value = -3;
    const on: f64 = this.flags.getOr("on", false) ? 1 : 0;
    return [<f64>this.total.value, this.ratios.slice(0, 9)[0], this.ratios.getOr(4, 9), on, <f64>this.seen.value];
  }
  @mutate scoped(value: i32 = first): i32 { return value; }
  unset(): i32 { return this.register.value.x; }
  maybes(): string[] {
    const found = new Array<string>();
    found.push(this.maybe.value === null ? "null" : this.maybe.value!);
    this.maybe.value = "some";
    found.push(this.maybe.value === null ? "null" : this.maybe.value!);
    return found;
  }
  maps(): string[] {
    this.numbers.set(7, -70).set(8, i64.MIN_VALUE);
    const found = [this.numbers.has(7).toString(), this.numbers.getOr(7, 0).toString(), this.numbers.getOr(9, 5).toString()];
    const keys = this.numbers.keys().sort();
    for (let i = 0; i < keys.length; i++) found.push(keys[i].toString());
    found.push(this.numbers.delete(7).toString());
    found.push(this.numbers.size.toString());
    found.push(this.numbers.values()[0].toString());
    return found;
  }
  nest(outer: string, inner: string, value: i32): void { this.nested.open(outer).set(inner, value); }
  unnest(outer: string): bool { return this.nested.delete(outer); }
  @view nests(): Dictionary<i32> {
    const found = new Dictionary<i32>();
    const keys = this.nested.keys().sort();
    for (let i = 0; i < keys.length; i++) {
      const inner = this.nested.get(keys[i])!;
      const names = inner.keys().sort();
      for (let j = 0; j < names.length; j++) found.set(keys[i] + "/" + names[j], inner.getOr(names[j], 0));
    }
    return found;
  }
  @view noNest(outer: string): bool { return this.nested.get(outer) === null; }
  count(): u64[] { this.counter.increment(); this.counter.increment(); return [this.counter.value, this.counter.of(env.executorId())]; }
  @view counted(): u64 { return this.counter.value; }
  weigh(): i64 { this.balance.decrement(); this.balance.decrement(); this.balance.increment(); return this.balance.value; }
  sets(): i32[] {
    this.set.add(3).add(1).add(3);
    const sizes = [this.set.size, this.set.has(1) ? 1 : 0, this.set.has(2) ? 1 : 0, this.set.delete(1) ? 1 : 0];
    const values = this.set.values();
    for (let i = 0; i < values.length; i++) sizes.push(values[i]);
    this.set.clear();
    sizes.push(this.set.size);
    return sizes;
  }
  vectors(): string[] {
    this.vector.push("a"); this.vector.push("b"); this.vector.push("c");
    const found = this.vector.slice(1, 5);
    found.push(this.vector.get(0)!);
    found.push(this.vector.get(9) === null ? "none" : "some");
    found.push(this.vector.pop().toString());
    found.push(this.vector.length.toString());
    return found;
  }
  texts(): string[] {
    this.text.insert(0, "hello🐟");
    this.text.insert(5, ", world ");
    this.text.delete(0, 1);
    this.text.insert(0, "J");
    return [this.text.toString(), this.text.length.toString()];
  }
  users(value: i32): i32[] {
    const before = this.mine.getOr(-1);
    this.mine.set(value);
    return [before, this.mine.getOr(-1), this.mine.has() ? 1 : 0, this.mine.getForOr(env.executorId(), -1)];
  }
  @view userOf(who: string): i32 { return this.mine.hasFor(who) ? this.mine.getForOr(who, -1) : -2; }
  forget(): bool { return this.mine.delete(); }
  freeze(x: i32): string { return this.frozen.add(new Point(x, x)); }
  @view thawed(hash: string): Point | null { return this.frozen.has(hash) ? this.frozen.get(hash) : null; }
  write(key: string, value: i32): void { this.authored.add(key, value); }
  rewrite(key: string, value: i32): void { this.authored.update(key, value); }
  @view written(key: string): string[] {
    const owner = this.authored.ownerOf(key);
    return [this.authored.getOr(key, -1).toString(), owner === null ? "nobody" : owner!, this.authored.isMine(key).toString(), this.authored.size.toString()];
  }
  hide(value: string): void { this.secret.value = value; this.hidden.set(1, new Point(1, 2)); }
  hideBesides(value: string): bool { this.secret.value = value; return this.numbers.delete(404); }
  unhide(): bool { this.secret.clear(); return this.hidden.delete(1); }
  @view seek(): string[] {
    const point = this.hidden.get(1);
    return [this.secret.isSet ? this.secret.value : "unset", point === null ? "none" : point!.y.toString()];
  }
  tell(times: u32): void { emit(new Happened("it", times)); emit(new Happened("that", 1), "onHappened"); }
  onHappened(what: string, times: u32): void { env.log(what + " x" + times.toString()); }
  @view about(): string[] { return [env.contextId(), env.executorId(), env.timeMs().toString(), env.random(4).length.toString(), env.uniqueId()]; }
  later(context: string): void { this.counter.increment(); env.xcall(context, "shape", new Happened("x", 2)); }
  keep(size: i32): string { this.counter.increment(); const content = new Uint8Array(size); content.fill(7); return blobs.write(content); }
  @view kept(id: string): i32 { const content = blobs.read(id); return content.length > 0 && content[content.length - 1] == 7 ? content.length : -1; }
}
`;
