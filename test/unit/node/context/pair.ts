/** Two nodes, or more, that share a context; deltas and snapshots are carried between them by hand. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesOf, idOf, type ApplicationId, type ContextId, type GroupId, type Hash } from "@shoal/node/model/ids.ts";
import { keyOf } from "@shoal/node/storage/keys.ts";
import type { IdItem } from "@shoal/node/sync/protocols/contract.ts";
import { openRig, type Rig, type RigOptions } from "./rig.ts";

const GROUP = "ab".repeat(32) as GroupId;
const PAGE_BYTES = 4096;
const PAGE_IDS = 100;

export interface Team {
  /** Opens one more node, or one that was closed again in the same place. */
  open(name: string, options?: Omit<RigOptions, "account">): Promise<Rig>;
  close(): Promise<void>;
}

/** Nodes in directories of their own, which are gone after `close`. */
export async function openTeam(): Promise<Team> {
  const directory = await mkdtemp(join(tmpdir(), "shoal-team-"));
  const open = new Set<Rig>();
  return {
    async open(name, options = {}) {
      const rig = await openRig(join(directory, name), { ...options, account: name });
      open.add(rig);
      const close = rig.close.bind(rig);
      return Object.assign(rig, {
        async close() {
          open.delete(rig);
          await close();
        },
      });
    },
    async close() {
      await Promise.all([...open].map((rig) => rig.close()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export const call = async (rig: Rig, contextId: ContextId, method: string, args: object = {}): Promise<unknown> => {
  const { output } = await rig.contexts.execute({ contextId, method, args: Buffer.from(JSON.stringify(args)) });
  return output === undefined || output.length === 0 ? undefined : JSON.parse(new TextDecoder().decode(output));
};

export async function createOn(
  rig: Rig,
  module: Uint8Array,
  args: object = {},
): Promise<{ readonly contextId: ContextId; readonly applicationId: ApplicationId }> {
  const applicationId = await rig.install(module);
  const initializationParams = Buffer.from(JSON.stringify(args));
  const { contextId } = await rig.contexts.createContext({ applicationId, initializationParams });
  return { contextId, applicationId };
}

/** `to` joins the context that `from` has, and takes its state. */
export async function joinFrom(from: Rig, to: Rig, contextId: ContextId, module: Uint8Array): Promise<void> {
  const applicationId = await to.install(module);
  await to.contexts.joinContext({ contextId, applicationId, version: "1.0.0", service: "default", groupId: GROUP });
  await installFrom(from, to, contextId);
}

/** `stopAfter`: pages of rows after which the connection is lost; false then. */
export async function installFrom(from: Rig, to: Rig, contextId: ContextId, stopAfter = Infinity): Promise<boolean> {
  using snapshot = await from.replicas.snapshot(contextId);
  const install = await to.replicas.beginInstall(contextId, snapshot.boundary);
  let after = install.resumeAfter;
  for (let pages = 0; ; pages++) {
    if (pages >= stopAfter) return false;
    const rows = await snapshot.rows(after, PAGE_BYTES);
    const last = rows.at(-1);
    if (last === undefined) break;
    await install.add(rows);
    after = last.key;
  }
  for (let item: IdItem | undefined; ;) {
    const items = snapshot.ids(item, PAGE_IDS);
    item = items.at(-1);
    if (item === undefined) break;
    await install.addIds(items);
  }
  await install.finish();
  return true;
}

/** Ids that `from` has and `to` lacks, by time. */
export async function lacking(from: Rig, to: Rig, contextId: ContextId): Promise<readonly Hash[]> {
  const theirs = await to.replicas.ids(contextId);
  return [...(await from.replicas.ids(contextId)).items()]
    .filter(({ id }) => !theirs.has(id))
    .map(({ id }) => idOf<Hash>(id));
}

export const bodyOf = (rig: Rig, contextId: ContextId, id: Hash): Uint8Array =>
  rig.store.get("delta", keyOf(bytesOf(contextId), bytesOf(id))) ?? new Uint8Array();

/** What `from` has and `to` lacks, as it arrives. */
export async function bodiesFor(from: Rig, to: Rig, contextId: ContextId): Promise<readonly Uint8Array[]> {
  return (await lacking(from, to, contextId)).map((id) => bodyOf(from, contextId, id));
}

/** Everything that one of the two lacks goes over. */
export async function level(a: Rig, b: Rig, contextId: ContextId): Promise<void> {
  const [toB, toA] = [await bodiesFor(a, b, contextId), await bodiesFor(b, a, contextId)];
  await b.replicas.receive(contextId, toB);
  await a.replicas.receive(contextId, toA);
}

/** All rows of the shared state, as one text. */
export async function stateOf(rig: Rig, contextId: ContextId): Promise<string> {
  using state = await rig.replicas.stateOf(contextId);
  const rows = await state.rows(undefined, Infinity);
  return rows
    .map(({ key, value }) => `${Buffer.from(key).toString("hex")} ${Buffer.from(value).toString("hex")}`)
    .join("\n");
}

export function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const order = [...items];
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  return order;
}
