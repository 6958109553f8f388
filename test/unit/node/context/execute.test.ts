/** A call through the manager, on a real store and real worker threads. */
import { identityRow } from "@shoal/node/context/identities.ts";
import { ExecuteFailure } from "@shoal/node/context/execute-failure.ts";
import { decodeDelta, deltaIdOf, signedBytes } from "@shoal/node/dag/delta.ts";
import { bytesOf, idOf, type ApplicationId, type ContextId, type Hash } from "@shoal/node/model/ids.ts";
import { keyPairOf, verify } from "@shoal/node/model/keys.ts";
import { keyOf } from "@shoal/node/storage/keys.ts";
import { expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { countOf, counterApp } from "./counter-app.ts";
import { guestTree } from "./guest-tree.ts";
import { withRig, type Rig } from "./rig.ts";

const NONE: Uint8Array = new Uint8Array();

async function makeContext(rig: Rig): Promise<ContextId> {
  const applicationId = await rig.install(await counterApp());
  return (await rig.contexts.createContext({ applicationId, initializationParams: NONE })).contextId;
}

const call = async (rig: Rig, contextId: ContextId, method: string, args = NONE): Promise<number> =>
  countOf((await rig.contexts.execute({ contextId, method, args })).output);

async function rowsOf(rig: Rig): Promise<number> {
  let rows = 0;
  for (const column of ["state", "private", "delta"] as const) {
    for await (const _ of rig.store.scan(column)) rows += 1;
  }
  return rows;
}

test("a context is created, written to, read from, and tells its subscribers", async () => {
  await withRig(async (rig) => {
    const contextId = await makeContext(rig);
    expect(await call(rig, contextId, "get")).toBe(1);
    expect(await call(rig, contextId, "add")).toBe(2);
    expect(await call(rig, contextId, "add")).toBe(3);
    expect(await call(rig, contextId, "get")).toBe(3);
    const mutations = rig.events.filter((event) => "contextId" in event && event.event.type === "StateMutation");
    expect(mutations).toHaveLength(2);
    const context = await rig.contexts.getContext(contextId);
    expect(mutations.at(-1)).toMatchObject({
      contextId,
      event: { newRoot: context?.rootHash, events: [{ kind: "added" }] },
    });
    expect(Buffer.from(bytesOf(context?.rootHash as Hash)).readBigUInt64LE()).toBe(3n);
  });
});

test("one head: every delta names the one before and is signed by who made it", async () => {
  await withRig(async (rig) => {
    const contextId = await makeContext(rig);
    for (let n = 0; n < 3; n++) await call(rig, contextId, "add");
    const context = await rig.contexts.getContext(contextId);
    let [id] = context?.dagHeads ?? [];
    expect(context?.dagHeads).toHaveLength(1);
    let length = 0;
    for (; id !== undefined; length++) {
      const delta = decodeDelta(rig.store.get("delta", keyOf(bytesOf(contextId), bytesOf(id))) ?? NONE);
      expect(idOf<Hash>(deltaIdOf(delta))).toBe(id);
      expect(verify(delta.signature, signedBytes(delta.id), delta.author)).toBe(true);
      expect(idOf(delta.author)).toBe(rig.account);
      id = delta.parents[0] === undefined ? undefined : idOf<Hash>(delta.parents[0]);
    }
    expect(length).toBe(4);
  });
});

test.each(["refuse", "trap", "forget_commit", "spin", "nothing_of_this_name"])(
  "%s leaves nothing behind",
  async (method) => {
    await withRig(
      async (rig) => {
        const contextId = await makeContext(rig);
        const [before, rows] = [await rig.contexts.getContext(contextId), await rowsOf(rig)];
        const ran = call(rig, contextId, method);
        if (method === "forget_commit") await ran;
        else await expect(ran).rejects.toBeInstanceOf(ExecuteFailure);
        expect(await rig.contexts.getContext(contextId)).toEqual(before);
        expect(await rowsOf(rig)).toBe(rows);
        expect(rig.events).toEqual([]);
        expect(await call(rig, contextId, "get")).toBe(1);
      },
      { maxGas: 1_000_000n },
    );
  },
);

test("what failed says why, in upstream's words", async () => {
  await withRig(
    async (rig) => {
      const contextId = await makeContext(rig);
      const reason = async (method: string): Promise<unknown> =>
        call(rig, contextId, method).then(
          () => "ok",
          (thrown: unknown) => (thrown instanceof ExecuteFailure ? thrown.reason : thrown),
        );
      expect(await reason("refuse")).toMatchObject({ type: "FunctionCallError", failure: { kind: "ExecutionError" } });
      expect(await reason("trap")).toMatchObject({ failure: { kind: "WasmTrap", detail: "Unreachable" } });
      expect(await reason("spin")).toMatchObject({ failure: { kind: "GasExhausted" } });
      expect(await reason("absent")).toMatchObject({
        failure: { kind: "MethodResolutionError", detail: "MethodNotFound" },
      });
      expect(await reason("__calimero_sync_next")).toMatchObject({ failure: { detail: "ReservedMethodName" } });
      const other = idOf<ContextId>(new Uint8Array(32).fill(9));
      await expect(call(rig, other, "get")).rejects.toMatchObject({ reason: { type: "ContextNotFound" } });
      rig.right = "none";
      expect(await reason("get")).toMatchObject({ type: "Unauthorized", contextId, publicKey: rig.account });
    },
    { maxGas: 1_000_000n },
  );
});

test("a member who may only read runs methods, and what they would change is discarded", async () => {
  await withRig(async (rig) => {
    const contextId = await makeContext(rig);
    rig.right = "read";
    expect(await call(rig, contextId, "add")).toBe(2);
    expect(await call(rig, contextId, "get")).toBe(1);
  });
});

test("private data is kept with what is shared, outside of deltas", async () => {
  await withRig(async (rig) => {
    const contextId = await makeContext(rig);
    await call(rig, contextId, "note");
    expect(await call(rig, contextId, "read_note")).toBe(2);
    const context = await rig.contexts.getContext(contextId);
    const [head] = context?.dagHeads ?? [];
    const delta = rig.store.get("delta", keyOf(bytesOf(contextId), bytesOf(head as Hash)));
    expect(decodeDelta(delta ?? NONE).artifact).toHaveLength(5);
  });
});

test("an xcall runs after the commit, in the other context, and its outcome is told", async () => {
  await withRig(async (rig) => {
    const first = await makeContext(rig);
    const { applicationId } = (await rig.contexts.getContext(first)) as { applicationId: ApplicationId };
    const second = (await rig.contexts.createContext({ applicationId, initializationParams: NONE })).contextId;
    await call(rig, first, "call_other", Uint8Array.from(bytesOf(second)));
    await eventually(async () => ((await call(rig, second, "get")) === 2 ? true : undefined), "the xcall ran");
    const told = await eventually(
      () => rig.events.find((event) => "contextId" in event && event.event.type === "XCall"),
      "the outcome was told",
    );
    expect(told).toMatchObject({
      contextId: first,
      event: { targetContextId: second, function: "add", outcome: "Ok" },
    });
  });
});

test("a context that was made with a secret of its own acts by that identity where nobody is named", async () => {
  await withRig(async (rig) => {
    const applicationId = await rig.install(await counterApp());
    const identitySecret = new Uint8Array(32).fill(6);
    const made = await rig.contexts.createContext({ applicationId, initializationParams: NONE, identitySecret });
    expect(made.memberPublicKey).not.toBe(rig.account);
    expect(await call(rig, made.contextId, "add")).toBe(2);
    const context = await rig.contexts.getContext(made.contextId);
    const key = keyOf(bytesOf(made.contextId), bytesOf(context?.dagHeads[0] as Hash));
    expect(idOf(decodeDelta(rig.store.get("delta", key) ?? NONE).author)).toBe(made.memberPublicKey);
  });
});

test("of several identities of the node its account comes first, whatever the order of their keys", async () => {
  await withRig(async (rig) => {
    const { contextId } = await rig.contexts.createContext({
      applicationId: await rig.install(await counterApp()),
      initializationParams: NONE,
    });
    const others = Array.from({ length: 8 }, (_, n) => keyPairOf(new Uint8Array(32).fill(n + 1), "secret"));
    await rig.store.apply(others.map(({ publicKey, secret }) => identityRow(contextId, publicKey, secret)));
    const identities = await rig.contexts.identities(contextId);
    expect(identities).toHaveLength(9);
    expect(identities[0]).toEqual({ publicKey: rig.account, owned: true });
  });
});

test("a context whose state is empty may be called", async () => {
  await withRig(async (rig) => {
    const applicationId = await rig.install(await guestTree.migratingApp());
    const { contextId } = await rig.contexts.createContext({ applicationId, initializationParams: NONE });
    const { output } = await rig.contexts.execute({ contextId, method: "migrate_state", args: NONE });
    expect(Buffer.from(output ?? NONE).toString()).toBe("migrated");
    expect(await rig.contexts.syncStatus(contextId)).toMatchObject({ isInitialized: true });
  });
});

test("a seed decides the id, once; a deleted context is gone with its rows", async () => {
  await withRig(async (rig) => {
    const applicationId = await rig.install(await counterApp());
    const seed = new Uint8Array(32).fill(3);
    const input = { applicationId, initializationParams: NONE, seed, alias: "mine" };
    const [one, two] = await Promise.allSettled([rig.contexts.createContext(input), rig.contexts.createContext(input)]);
    expect(one.status).toBe("fulfilled");
    expect(two).toMatchObject({ status: "rejected", reason: { code: "already_exists", field: "contextSeed" } });
    const [context] = await rig.contexts.listContexts();
    const id = context?.id as ContextId;
    expect(await rig.contexts.deleteContext(id)).toBe(true);
    expect(await rig.contexts.deleteContext(id)).toBe(false);
    expect(await rig.contexts.listContexts()).toEqual([]);
    expect(rig.store.get("meta", bytesOf(id))).toBeUndefined();
  });
});
