/** Apps of the Rust library on a node: what they ask of the host, what is signed for them, and how they migrate. */
import { decodeDelta } from "@shoal/node/dag/delta.ts";
import { bytesOf, type ContextId, type Hash } from "@shoal/node/model/ids.ts";
import { verify } from "@shoal/node/model/keys.ts";
import { keyOf } from "@shoal/node/storage/keys.ts";
import { verifyTree, type Verification } from "@shoal/node/storage/merkle/walk.ts";
import { expect, test } from "vitest";
import { counterApp } from "../context/counter-app.ts";
import { withRig, type Rig } from "../context/rig.ts";
import {
  actions,
  entryKey,
  hash,
  index,
  indexKey,
  join,
  metadata,
  of,
  removal,
  signed,
  some,
  text,
  u32,
  UNSIGNED,
  upsert,
  user,
  type Build,
} from "./hand.ts";
import { libraryApp, type Method } from "./library-app.ts";

const ROOT_ENTRY = of(118);
const PROFILE = of(9);
const EXTRA = of(20);

type Writes = NonNullable<Method["writes"]>;

const deletedChildren = (build: Build): { deletedChildren?: readonly Uint8Array[] } =>
  build === "G2" ? {} : { deletedChildren: [] };

/** The context's rows: the app's root state, and what else is given as children of the context. */
function tree(
  build: Build,
  context: Uint8Array,
  state: string,
  others: readonly { readonly id: Uint8Array; readonly value: Uint8Array; readonly about: Uint8Array }[] = [],
): { readonly writes: Writes; readonly root: Buffer } {
  const rootEntry = {
    id: ROOT_ENTRY,
    value: join(Buffer.from(state), ROOT_ENTRY),
    about: metadata(build, { field: "root" }),
  };
  const entities = [rootEntry, ...others].map(({ id, value, about }) => ({
    id,
    value,
    ...index(build, { id, parent: context, own: hash(value), metadata: about, ...deletedChildren(build) }),
  }));
  const children = entities.map(({ id, full }) => ({ id, hash: full })).toSorted((a, b) => Buffer.compare(a.id, b.id));
  const top = index(build, {
    id: context,
    children,
    own: hash(),
    metadata: metadata(build),
    ...deletedChildren(build),
  });
  const rows = entities.flatMap(({ id, row, value }): Writes => [
    [indexKey(id), row],
    [entryKey(id), value],
  ]);
  return { writes: [...rows, [indexKey(context), top.row]], root: top.full };
}

const getter =
  (rig: Rig, context: Uint8Array) =>
  (key: Uint8Array): Uint8Array | undefined =>
    rig.store.get("state", keyOf(context, key));

async function verified(rig: Rig, contextId: ContextId): Promise<Verification & { readonly isRoot: boolean }> {
  const result = verifyTree(getter(rig, bytesOf(contextId)), bytesOf(contextId));
  const { rootHash } = (await rig.contexts.getContext(contextId))!;
  return { ...result, isRoot: result.ok && Buffer.compare(result.root, bytesOf(rootHash)) === 0 };
}

/** A context that runs what `make` makes for its id. */
async function contextWith(rig: Rig, make: (context: Uint8Array) => Record<string, Method>): Promise<ContextId> {
  const applicationId = await rig.install(await counterApp());
  const { contextId } = await rig.contexts.createContext({ applicationId, initializationParams: new Uint8Array() });
  const app = await rig.install(await libraryApp({ init: {}, ...make(bytesOf(contextId)) }));
  await rig.contexts.updateApplication({ contextId, applicationId: app });
  return contextId;
}

const call = async (rig: Rig, contextId: ContextId, method: string, args = new Uint8Array()): Promise<string> =>
  Buffer.from((await rig.contexts.execute({ contextId, method, args })).output ?? []).toString();

test("the input comes through the library's own register, however large its number", async () => {
  await withRig(async (rig) => {
    const contextId = await contextWith(rig, () => ({ echo: { returnsInput: true } }));
    expect(await call(rig, contextId, "echo", Buffer.from('{"key":"a"}'))).toBe('{"key":"a"}');
  });
});

test.each(["G2", "G2+", "G3"] as const)(
  "a user's entry of %s is signed in the delta and in the guest's own row, and no hash changes by it",
  async (build) => {
    await withRig(async (rig) => {
      const owner = bytesOf(rig.account as Hash);
      const value = Buffer.from("my profile");
      const about = metadata(build, { storage: user(owner, signed(build, UNSIGNED, 2n)) });
      const contextId = await contextWith(rig, (context) => {
        const { writes, root } = tree(build, context, "state", [{ id: PROFILE, value, about }]);
        return { set_profile: { writes, commits: { root, artifact: actions(upsert(0, PROFILE, value, about)) } } };
      });
      await call(rig, contextId, "set_profile");
      expect(await verified(rig, contextId)).toMatchObject({ ok: true, entities: 3, isRoot: true });

      const context = bytesOf(contextId);
      const [head] = (await rig.contexts.getContext(contextId))!.dagHeads;
      const { artifact } = decodeDelta(rig.store.get("delta", keyOf(context, bytesOf(head!)))!);
      const unsigned = actions(upsert(0, PROFILE, value, about));
      const at = unsigned.indexOf(UNSIGNED);
      const signature = artifact.slice(at, at + 64);
      const payload =
        build === "G2"
          ? hash(
              Buffer.from("v1_upsert"),
              PROFILE,
              value,
              about.subarray(0, 16),
              user(owner, signed(build, UNSIGNED, 2n)),
            )
          : hash(Buffer.from("v2_upsert"), PROFILE, value, Buffer.of(2), owner, some(about.subarray(8, 16)));
      expect(verify(signature, payload, owner)).toBe(true);
      const row = rig.store.get("state", keyOf(context, indexKey(PROFILE)))!;
      expect(Buffer.from(row).includes(Buffer.from(signature))).toBe(true);
      expect(Buffer.from(row).includes(UNSIGNED)).toBe(false);
    });
  },
);

test("a removal is signed although the row that stays was written before it", async () => {
  await withRig(async (rig) => {
    const owner = bytesOf(rig.account as Hash);
    const about = metadata("G3", { storage: user(owner, signed("G3", Buffer.alloc(64, 1), 2n)) });
    const gone = metadata("G3", { storage: user(owner, signed("G3", UNSIGNED, 9n)) });
    const contextId = await contextWith(rig, (context) => {
      const { writes, root } = tree("G3", context, "state");
      const tombstone = index("G3", {
        id: PROFILE,
        parent: context,
        own: of(1),
        metadata: about,
        deletedAt: 9n,
        deletedChildren: [],
      });
      const artifact = actions(removal(PROFILE, 9n, gone));
      return { drop_profile: { writes: [...writes, [indexKey(PROFILE), tombstone.row]], commits: { root, artifact } } };
    });
    await call(rig, contextId, "drop_profile");
    const context = bytesOf(contextId);
    expect(Buffer.from(rig.store.get("state", keyOf(context, indexKey(PROFILE)))!).includes(Buffer.alloc(64, 1))).toBe(
      true,
    );
    const [head] = (await rig.contexts.getContext(contextId))!.dagHeads;
    const { artifact } = decodeDelta(rig.store.get("delta", keyOf(context, bytesOf(head!)))!);
    expect(Buffer.from(artifact).includes(UNSIGNED)).toBe(false);
  });
});

/** Migrates a context with root state `one` to an app whose migration returns `two` and makes a collection of its own. */
async function migrate(rig: Rig, build: Build, check: Record<string, Method>): Promise<ContextId> {
  const contextId = await contextWith(rig, (context) => {
    const { writes, root } = tree(build, context, "one");
    return { fill: { writes, commits: { root, artifact: actions(upsert(0, ROOT_ENTRY, of(1), metadata(build))) } } };
  });
  await call(rig, contextId, "fill");
  const { writes } = tree(build, bytesOf(contextId), "one", [
    { id: EXTRA, value: Buffer.from("made by the migration"), about: metadata(build, { field: "extra" }) },
  ]);
  const migration: Method = { writes, returns: "two", ...(build === "G3" ? { witness: Buffer.from("saw one") } : {}) };
  const applicationId = await rig.install(await libraryApp({ init: {}, migrate: migration, ...check }));
  await rig.contexts.updateApplication({ contextId, applicationId, migrateMethod: "migrate" });
  return contextId;
}

test.each(["G2", "G2+", "G3"] as const)("a migration of %s keeps the collections that it made", async (build) => {
  await withRig(async (rig) => {
    const contextId = await migrate(rig, build, {});
    expect(await verified(rig, contextId)).toMatchObject({ ok: true, entities: 3, isRoot: true });
    const get = getter(rig, bytesOf(contextId));
    expect(Buffer.from(get(entryKey(ROOT_ENTRY))!)).toEqual(join(Buffer.from("two"), ROOT_ENTRY));
    expect(Buffer.from(get(entryKey(EXTRA))!).toString()).toBe("made by the migration");
  });
});

/** What a check is given: the new root, and what the migration saw. */
const MADE = join(u32(3), Buffer.from("two"), some(text("saw one")));

test.each([
  ["commits where it says yes", Buffer.of(1), true],
  ["leaves everything as it was where it says no", Buffer.of(0), false],
] as const)("an app's own check of its migration %s", async (_, verdict, isCommitted) => {
  await withRig(async (rig) => {
    const migrated = migrate(rig, "G3", { __calimero_migration_check: { expects: MADE, returns: verdict } });
    if (isCommitted) await migrated;
    else await expect(migrated).rejects.toMatchObject({ code: "conflict" });
    const [context] = await rig.contexts.listContexts();
    expect(await verified(rig, context!.id)).toMatchObject({ ok: true, entities: isCommitted ? 3 : 2, isRoot: true });
    const state = getter(rig, bytesOf(context!.id))(entryKey(ROOT_ENTRY))!;
    expect(Buffer.from(state)).toEqual(join(Buffer.from(isCommitted ? "two" : "one"), ROOT_ENTRY));
  });
});
