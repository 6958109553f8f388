/** Entries that belong to a user are signed by the user's key, in the delta and in the rows, by the host alone. */
import { readStorageDelta } from "@shoal/node/crdt/actions.ts";
import { payloadForSigning } from "@shoal/node/crdt/sign-actions.ts";
import { decodeDelta } from "@shoal/node/dag/delta.ts";
import { bytesOf, type Hash } from "@shoal/node/model/ids.ts";
import { verify } from "@shoal/node/model/keys.ts";
import { keyOf, prefixRange } from "@shoal/node/storage/keys.ts";
import { decodeEntity } from "@shoal/node/storage/merkle/entity-row.ts";
import { readHostKey, ROW } from "@shoal/node/storage/merkle/row-keys.ts";
import { verifyTree } from "@shoal/node/storage/merkle/walk.ts";
import { expect, test } from "vitest";
import { builtApp } from "../../sdk/app/built.ts";
import { withRig } from "./rig.ts";

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

test("a message of the team chat bears its author's signature, and the tree is as if it had been signed at once", async () => {
  await withRig(async (rig) => {
    const applicationId = await rig.install(await builtApp("team-chat"));
    const { contextId } = await rig.contexts.createContext({ applicationId, initializationParams: json({}) });
    const call = (method: string, args: object): Promise<unknown> =>
      rig.contexts.execute({ contextId, method, args: json(args) });
    await call("createChannel", { name: "random" });
    await call("send", { channel: "general", text: "hello" });
    const context = await rig.contexts.getContext(contextId);
    const prefix = bytesOf(contextId);
    const delta = decodeDelta(rig.store.get("delta", keyOf(prefix, bytesOf(context?.dagHeads[0] as Hash)))!);
    const { actions, layout } = readStorageDelta(delta.artifact);
    const signed = actions.filter(({ metadata }) => metadata.storage.kind === "user");
    expect(signed.length).toBeGreaterThan(0);
    for (const action of signed) {
      const { storage } = action.metadata;
      if (storage.kind !== "user" || storage.signed === undefined) throw new Error("unsigned");
      expect(
        verify(storage.signed.signature, payloadForSigning(action, layout), bytesOf(contextAuthor(rig.account))),
      ).toBe(true);
    }
    let signatures = 0;
    for await (const [key, value] of rig.store.scan("state", prefixRange(prefix))) {
      const named = readHostKey(key.subarray(prefix.length));
      if (named?.row !== ROW.entry) continue;
      if (decodeEntity(named.id, value).write.signature !== undefined) signatures += 1;
    }
    expect(signatures).toBeGreaterThanOrEqual(signed.length);
    const get = (key: Uint8Array): Uint8Array | undefined => rig.store.get("state", keyOf(prefix, key));
    expect(verifyTree(get, prefix)).toMatchObject({
      ok: true,
      root: Uint8Array.from(bytesOf(context?.rootHash as Hash)),
    });
  });
});

const contextAuthor = (account: string): Hash => account as Hash;
