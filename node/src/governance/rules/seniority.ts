/**
 * Whose word stands where removals contradict each other: the namespace's owner before a group's owner, before admins, those of
 * groups higher up first, before everybody else; among equals who got their role on the shorter chain of ops. That length
 * cannot be lowered by backdating, nor can the account's key be chosen after the fact, and the hash decides only between ops
 * of one signer. A handover comes before its signer's other removals, so that no owner takes it back.
 */
import type { PublicKey } from "../../model/ids.ts";
import type { PlacedOp } from "./apply.ts";
import { accountOf, depthOf, upward } from "./standing.ts";
import type { Group, Namespace } from "./state.ts";

const NAMESPACE_OWNER = 0;
const GROUP_OWNER = 1;
const ADMIN = 2;
const OTHER = 3;

/** Compared member by member; the smaller is the senior. */
export interface Seniority {
  readonly tier: number;
  /** Steps from the root to the group that the standing comes from. */
  readonly height: number;
  readonly depth: number;
  readonly account: PublicKey;
}

/** `namespace` is undefined for nobody's word. */
export function seniorityOf(namespace: Namespace | undefined, { op }: Pick<PlacedOp, "op">): Seniority {
  if (namespace === undefined) return { tier: OTHER, height: Infinity, depth: Infinity, account: op.signer };
  const account = accountOf(namespace, op.signer);
  const line = [...upward(namespace, op.groupId, true)];
  const adminIn = line.findLast((group) => group.members.get(account)?.role === "Admin");
  const home = adminIn ?? line.find((group) => group.members.has(account));
  const member = home?.members.get(account);
  return {
    tier: tierOf(namespace, line[0], account, adminIn !== undefined),
    height: home === undefined ? Infinity : depthOf(namespace, home.id),
    depth: member?.depth ?? Infinity,
    account,
  };
}

function tierOf(namespace: Namespace, group: Group | undefined, account: PublicKey, admin: boolean): number {
  if (namespace.groups.get(namespace.id)?.owner === account) return NAMESPACE_OWNER;
  if (group?.owner === account) return GROUP_OWNER;
  return admin ? ADMIN : OTHER;
}

const isHandover = ({ op }: PlacedOp): boolean => op.action.type === "TransferOwnership";

/** Negative where the first is senior. Never 0 for two ops. */
export function compareSeniority(
  [a, x]: readonly [Seniority, PlacedOp],
  [b, y]: readonly [Seniority, PlacedOp],
): number {
  // Infinity - Infinity is not a number, and as good as 0 here.
  const numbers = a.tier - b.tier || a.height - b.height || a.depth - b.depth;
  if (numbers) return numbers;
  if (a.account !== b.account) return a.account < b.account ? -1 : 1;
  if (isHandover(x) !== isHandover(y)) return isHandover(x) ? -1 : 1;
  return x.hash < y.hash ? -1 : 1;
}
