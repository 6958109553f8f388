/**
 * The state of a namespace as rows, and back. One row per member, context, removed member and spent thing, so that an op
 * costs what it changes and not what the group holds.
 */
import type { ContextId, GroupId, Hash, PublicKey } from "../model/ids.ts";
import { idOf } from "../model/ids.ts";
import { u64Key } from "../storage/keys.ts";
import type { Reader, Row } from "../storage/store.ts";
import { contextGroupKey, groupBytes, groupInKey, groupKey, idKey, PREFIX, prefixOf, restOfKey } from "./keys.ts";
import type { Group, GroupContext, Member, Namespace } from "./rules/state.ts";

type Sets = "members" | "denied" | "contexts" | "spentInvitations" | "spentQuotes";
interface Meta extends Omit<Group, Sets> {
  readonly namespaceId: GroupId;
}
type StoredContext = Omit<GroupContext, "allowlist" | "capabilities"> & {
  readonly allowlist: readonly PublicKey[];
  readonly capabilities: readonly (readonly [PublicKey, number])[];
};

const decoder = new TextDecoder();
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const parsed = <T>(bytes: Uint8Array): T => JSON.parse(decoder.decode(bytes)) as T;
const EMPTY = new Uint8Array();

const put = (key: Uint8Array, value: Uint8Array | undefined): Row => ({ column: "group", key, value });

/** Rows that lead from one state to the next; `before` undefined for a new namespace. */
export function rowsBetween(before: Namespace | undefined, after: Namespace): readonly Row[] {
  const rows: Row[] = [];
  for (const [id, group] of before?.groups ?? []) if (!after.groups.has(id)) rows.push(...removed(group));
  for (const [id, group] of after.groups) {
    const old = before?.groups.get(id);
    if (old !== group) rows.push(...changed(after.id, old, group));
  }
  for (const [signer, nonce] of after.nonces) {
    if (before?.nonces.get(signer) !== nonce) {
      rows.push(put(idKey(PREFIX.nonce, after.id, signer), u64Key(BigInt(nonce))));
    }
  }
  return rows;
}

function removed(group: Group): readonly Row[] {
  const rows = [put(groupKey(PREFIX.meta, group.id), undefined)];
  for (const who of group.members.keys()) rows.push(put(idKey(PREFIX.member, group.id, who), undefined));
  for (const who of group.denied.keys()) rows.push(put(idKey(PREFIX.denied, group.id, who), undefined));
  for (const id of group.contexts.keys()) rows.push(...contextRows(group.id, id, undefined));
  for (const name of group.spentInvitations) rows.push(put(idKey(PREFIX.spentInvitation, group.id, name), undefined));
  for (const quote of group.spentQuotes) rows.push(put(quoteKey(group.id, quote), undefined));
  return rows;
}

function changed(namespaceId: GroupId, old: Group | undefined, group: Group): readonly Row[] {
  const { members, denied, contexts, spentInvitations, spentQuotes, ...scalars } = group;
  const meta: Meta = { ...scalars, namespaceId };
  const rows = [put(groupKey(PREFIX.meta, group.id), json(meta))];
  for (const [who, member] of between(old?.members, members)) {
    rows.push(put(idKey(PREFIX.member, group.id, who), member && json(member)));
  }
  for (const [who, since] of between(old?.denied, denied)) {
    rows.push(put(idKey(PREFIX.denied, group.id, who), since === undefined ? undefined : u64Key(BigInt(since))));
  }
  for (const [id, context] of between(old?.contexts, contexts)) rows.push(...contextRows(group.id, id, context));
  for (const name of added(old?.spentInvitations, spentInvitations)) {
    rows.push(put(idKey(PREFIX.spentInvitation, group.id, name), EMPTY));
  }
  for (const quote of added(old?.spentQuotes, spentQuotes)) rows.push(put(quoteKey(group.id, quote), EMPTY));
  return rows;
}

const quoteKey = (group: GroupId, quote: string): Uint8Array =>
  groupKey(PREFIX.spentQuote, group, Uint8Array.from(Buffer.from(quote, "hex")));

function contextRows(group: GroupId, id: ContextId, context: GroupContext | undefined): readonly Row[] {
  if (context === undefined) {
    return [put(idKey(PREFIX.context, group, id), undefined), put(contextGroupKey(id), undefined)];
  }
  const stored: StoredContext = {
    ...context,
    allowlist: [...context.allowlist],
    capabilities: [...context.capabilities],
  };
  return [put(idKey(PREFIX.context, group, id), json(stored)), put(contextGroupKey(id), groupBytes(group))];
}

function* between<K, V>(
  before: ReadonlyMap<K, V> | undefined,
  after: ReadonlyMap<K, V>,
): Generator<readonly [K, V | undefined]> {
  if (before === after) return;
  for (const key of before?.keys() ?? []) if (!after.has(key)) yield [key, undefined];
  for (const [key, value] of after) if (before?.get(key) !== value) yield [key, value];
}

/** Spent things are only ever added. */
function* added<T>(before: ReadonlySet<T> | undefined, after: ReadonlySet<T>): Generator<T> {
  if (before === after) return;
  for (const each of after) if (before?.has(each) !== true) yield each;
}

/** A group while its rows are read. */
interface Draft {
  readonly meta: Meta;
  readonly members: Map<PublicKey, Member>;
  readonly denied: Map<PublicKey, number>;
  readonly contexts: Map<ContextId, GroupContext>;
  readonly spent: Set<Hash>;
  readonly quotes: Set<string>;
}

/** Every namespace in the store. */
export async function readNamespaces(store: Reader): Promise<readonly Namespace[]> {
  const drafts = new Map<GroupId, Draft>();
  for await (const [key, value] of store.scan("group", prefixOf(PREFIX.meta))) {
    drafts.set(groupInKey(key), {
      meta: parsed<Meta>(value),
      members: new Map(),
      denied: new Map(),
      contexts: new Map(),
      spent: new Set(),
      quotes: new Set(),
    });
  }
  await fill(store, drafts);
  const nonces = new Map<GroupId, Map<PublicKey, number>>();
  for await (const [key, value] of store.scan("group", prefixOf(PREFIX.nonce))) {
    const id = groupInKey(key);
    const known = nonces.get(id) ?? new Map<PublicKey, number>();
    nonces.set(id, known.set(idOf<PublicKey>(restOfKey(key)), Number(u64Of(value))));
  }
  const groups = new Map<GroupId, Map<GroupId, Group>>([...nonces.keys()].map((id) => [id, new Map()]));
  for (const [id, draft] of drafts) {
    const { namespaceId, ...scalars } = draft.meta;
    const { members, denied, contexts, spent: spentInvitations, quotes: spentQuotes } = draft;
    groups.get(namespaceId)?.set(id, { ...scalars, members, denied, contexts, spentInvitations, spentQuotes });
  }
  return [...groups].map(([id, own]) => ({
    id,
    groups: own,
    nonces: nonces.get(id) ?? new Map(),
    depth: 0,
    devices: new Map(),
    retiredDevices: new Set(),
    rotations: new Map(),
  }));
}

async function fill(store: Reader, drafts: ReadonlyMap<GroupId, Draft>): Promise<void> {
  for await (const [key, value] of store.scan("group", prefixOf(PREFIX.member))) {
    drafts.get(groupInKey(key))?.members.set(idOf<PublicKey>(restOfKey(key)), parsed<Member>(value));
  }
  for await (const [key, value] of store.scan("group", prefixOf(PREFIX.denied))) {
    drafts.get(groupInKey(key))?.denied.set(idOf<PublicKey>(restOfKey(key)), Number(u64Of(value)));
  }
  for await (const [key, value] of store.scan("group", prefixOf(PREFIX.context))) {
    const stored = parsed<StoredContext>(value);
    const context = { ...stored, allowlist: new Set(stored.allowlist), capabilities: new Map(stored.capabilities) };
    drafts.get(groupInKey(key))?.contexts.set(idOf<ContextId>(restOfKey(key)), context);
  }
  for await (const [key] of store.scan("group", prefixOf(PREFIX.spentInvitation))) {
    drafts.get(groupInKey(key))?.spent.add(idOf<Hash>(restOfKey(key)));
  }
  for await (const [key] of store.scan("group", prefixOf(PREFIX.spentQuote))) {
    drafts.get(groupInKey(key))?.quotes.add(Buffer.from(restOfKey(key)).toString("hex"));
  }
}

function u64Of(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
}
