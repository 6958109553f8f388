/** A context's application is switched as a whole, or not at all. */
import { bytesOf, type ContextId } from "@shoal/node/model/ids.ts";
import { keyOf } from "@shoal/node/storage/keys.ts";
import { verifyTree } from "@shoal/node/storage/merkle/walk.ts";
import { expect, test } from "vitest";
import { countOf, counterApp } from "./counter-app.ts";
import { guestTree } from "./guest-tree.ts";
import { withRig, type Rig } from "./rig.ts";

const NONE: Uint8Array = new Uint8Array();
const call = async (rig: Rig, contextId: ContextId, method: string): Promise<number> =>
  countOf((await rig.contexts.execute({ contextId, method, args: NONE })).output);

test("a migration carries the state over, and subscribers hear of the version", async () => {
  await withRig(async (rig) => {
    const applicationId = await rig.install(await counterApp());
    const next = await rig.install(await counterApp("2"), { version: "2.0.0" });
    const { contextId } = await rig.contexts.createContext({ applicationId, initializationParams: NONE });
    await rig.contexts.updateApplication({ contextId, applicationId: next, migrateMethod: "migrate" });
    expect(await call(rig, contextId, "get")).toBe(1001);
    expect(await rig.contexts.getContext(contextId)).toMatchObject({ applicationId: next });
    expect(rig.events.at(-1)).toMatchObject({
      contextId,
      event: { type: "AppVersionChanged", fromVersion: "1.0.0", toVersion: "2.0.0" },
    });
  });
});

test("a context runs the version it was made with until it is told to change over", async () => {
  await withRig(async (rig) => {
    const applicationId = await rig.install(await counterApp());
    const { contextId } = await rig.contexts.createContext({ applicationId, initializationParams: NONE });
    await rig.install(await counterApp("2", 100), { as: applicationId, version: "2.0.0" });
    expect(await call(rig, contextId, "add")).toBe(2);
    await rig.contexts.updateApplication({ contextId, applicationId });
    expect(await call(rig, contextId, "add")).toBe(102);
    expect(await rig.contexts.getContext(contextId)).toMatchObject({ version: "2.0.0" });
  });
});

test("where the migration fails, the old application goes on with the old state", async () => {
  await withRig(async (rig) => {
    const applicationId = await rig.install(await counterApp());
    const next = await rig.install(await counterApp("2"));
    const { contextId } = await rig.contexts.createContext({ applicationId, initializationParams: NONE });
    const before = await rig.contexts.getContext(contextId);
    const update = (migrateMethod: string): Promise<void> =>
      rig.contexts.updateApplication({ contextId, applicationId: next, migrateMethod });
    await expect(update("migrate_badly")).rejects.toMatchObject({ reason: { failure: { kind: "WasmTrap" } } });
    await expect(update("absent")).rejects.toMatchObject({ code: "invalid_argument", field: "migrateMethod" });
    await expect(update("get")).rejects.toMatchObject({ code: "conflict" });
    expect(await rig.contexts.getContext(contextId)).toEqual(before);
    expect(await call(rig, contextId, "add")).toBe(2);
  });
});

test("a signed application is followed only by one of its signer", async () => {
  await withRig(async (rig) => {
    const applicationId = await rig.install(await counterApp(), { signerId: "did:key:a" });
    const { contextId } = await rig.contexts.createContext({ applicationId, initializationParams: NONE });
    for (const options of [{}, { signerId: "did:key:b" }]) {
      const other = await rig.install(await counterApp("2"), options);
      await expect(rig.contexts.updateApplication({ contextId, applicationId: other })).rejects.toMatchObject({
        code: "permission_denied",
      });
    }
    const same = await rig.install(await counterApp("2"), { signerId: "did:key:a" });
    await rig.contexts.updateApplication({ contextId, applicationId: same });
    expect(await call(rig, contextId, "add")).toBe(2);
  });
});

test.each(["G2", "G3"] as const)(
  "a returned root is written into the %s guest's own tree, hashes and all",
  async (layout) => {
    await withRig(async (rig) => {
      const applicationId = await rig.install(await counterApp());
      const next = await rig.install(await guestTree.migratingApp());
      const { contextId } = await rig.contexts.createContext({ applicationId, initializationParams: NONE });
      const context = bytesOf(contextId);
      await rig.store.apply(guestTree.rows(context, layout));
      await rig.contexts.updateApplication({ contextId, applicationId: next, migrateMethod: "migrate_state" });
      const get = (key: Uint8Array): Uint8Array | undefined => rig.store.get("state", keyOf(context, key));
      const root = bytesOf((await rig.contexts.getContext(contextId))!.rootHash);
      expect(verifyTree(get, context)).toMatchObject({ ok: true, entities: 3, root });
      expect(Buffer.from(guestTree.rootState(get)).toString()).toContain("migrated");
    });
  },
);
