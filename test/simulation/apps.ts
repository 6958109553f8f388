/**
 * Applications of the simulator: methods on the host's collections, as a QuickJS app has them, without a guest around them.
 * They run on the production `RunState`, so that rows, roots and artifacts are those of a real run.
 */
import { idOf, type ApplicationId, type BlobId } from "@shoal/node/model/ids.ts";
import type { Application } from "@shoal/node/model/application.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import type { RunState } from "@shoal/node/runtime/run/run-state.ts";

/** Thrown by a method: the app's own error, as a guest returns one. */
export class AppError extends Error {}

export type Args = Readonly<Record<string, unknown>>;
type Method = (run: RunState, args: Args) => unknown;

export interface NativeApp {
  readonly name: string;
  readonly methods: Readonly<Record<string, Method>>;
  readonly readOnly: readonly string[];
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const show = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();
const said = (args: Args, name: string): string => {
  const value = args[name];
  if (typeof value !== "string") throw new AppError(`${name} is missing`);
  return value;
};
const collection = (name: string): Uint8Array => sha256(text(`simulated collection ${name}`));

const ENTRIES = collection("entries");
const SET = collection("set");
const COUNT = collection("count");
const BALANCE = collection("balance");
const TEXT = collection("text");
const OWN = collection("own");
const AUTHORED = collection("authored");
const FROZEN = collection("frozen");
const HEARD = collection("heard");

const emit = (run: RunState, kind: string, data: string, handler?: string): void => {
  run.events.push({ kind, data: text(data), ...(handler === undefined ? {} : { handler }) });
};

/** One method per collection, an event whose handler writes nothing shared, and a call into another context. */
export const BOARD: NativeApp = {
  name: "board",
  readOnly: ["get", "dump"],
  methods: {
    init(run) {
      const { collections: c } = run;
      c.map.createWithId(ENTRIES);
      c.sortedSet.createWithId(SET);
      c.counter.createWithId(COUNT);
      c.pnCounter.createWithId(BALANCE);
      c.text.createWithId(TEXT);
      c.userStorage.createWithId(OWN);
      c.authoredMap.createWithId(AUTHORED);
      c.frozenStorage.createWithId(FROZEN);
    },
    set(run, args) {
      run.collections.map.insert(ENTRIES, text(said(args, "key")), text(said(args, "value")));
      emit(run, "Set", JSON.stringify(args), "heard");
    },
    remove: (run, args) => void run.collections.map.remove(ENTRIES, text(said(args, "key"))),
    get: (run, args) => show(run.collections.map.get(ENTRIES, text(said(args, "key")))),
    add: (run, args) => void run.collections.sortedSet.insert(SET, text(said(args, "value"))),
    drop: (run, args) => void run.collections.sortedSet.remove(SET, text(said(args, "value"))),
    count: (run) => run.collections.counter.increment(COUNT),
    pay(run, args) {
      if (args["back"] === true) run.collections.pnCounter.decrement(BALANCE);
      else run.collections.pnCounter.increment(BALANCE);
    },
    type(run, args) {
      const length = Buffer.from(run.collections.text.len(TEXT)).readBigUInt64LE();
      const at = BigInt(Number(args["at"] ?? 0)) % (length + 1n);
      run.collections.text.insert(TEXT, at, text(said(args, "value")));
    },
    erase(run) {
      const length = Buffer.from(run.collections.text.len(TEXT)).readBigUInt64LE();
      if (length > 0n) run.collections.text.delete(TEXT, length / 2n);
    },
    own: (run, args) => void run.collections.userStorage.insert(OWN, text(said(args, "value"))),
    claim(run, args) {
      const [key, value] = [text(said(args, "key")), text(said(args, "value"))];
      const { authoredMap } = run.collections;
      if (authoredMap.contains(AUTHORED, key)) authoredMap.update(AUTHORED, key, value);
      else authoredMap.insert(AUTHORED, key, value);
    },
    freeze: (run, args) => void run.collections.frozenStorage.add(FROZEN, text(said(args, "value"))),
    document: (run, args) => run.collections.persistRootState(text(said(args, "value")), 1n),
    fail(run) {
      run.collections.counter.increment(COUNT);
      throw new AppError("as it was asked to");
    },
    call(run, args) {
      run.collections.counter.increment(COUNT);
      run.xcalls.push({
        context: Buffer.from(said(args, "context"), "hex"),
        method: "count",
        params: text("{}"),
      });
    },
    /** Of this node alone: what it heard from others. */
    heard(run) {
      const key = Buffer.from(HEARD).toString("latin1");
      const before = run.privateState.get(key)?.[0] ?? 0;
      run.privateState.set(key, Uint8Array.of((before + 1) % 256));
    },
    dump(run) {
      const { collections: c } = run;
      return {
        entries: show(c.map.iter(ENTRIES)),
        set: show(c.sortedSet.iter(SET)),
        count: show(c.counter.value(COUNT)),
        text: show(c.text.text(TEXT)),
      };
    },
  },
};

/** What the node knows of an app: nothing that was downloaded, one module, `prepared` naming it to the executor. */
export function applicationOf(app: NativeApp): Application {
  const blob = idOf<BlobId>(sha256(text(`simulated module ${app.name}`)));
  return {
    id: idOf<ApplicationId>(sha256(text(`simulated application ${app.name}`))),
    blob,
    size: 1,
    source: "upload",
    metadata: new Uint8Array(),
    package: `simulated.${app.name}`,
    version: "1.0.0",
    modules: [
      {
        service: "default",
        bytecode: blob,
        prepared: blob,
        hash: "",
        methods: Object.keys(app.methods).sort(),
        readOnly: [...app.readOnly],
        generation: "G2",
        profile: "js",
      },
    ],
    installedAtMs: 0,
  };
}
