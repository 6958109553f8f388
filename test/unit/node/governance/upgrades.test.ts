/** Upgrades by policy, through failures, restarts and second thoughts. */
import { days, milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { PATIENCE_MS } from "@shoal/node/governance/upgrades/arrived.ts";
import { momentOf } from "@shoal/node/governance/upgrades/policy.ts";
import { countsOf, type UpgradeRecord } from "@shoal/node/governance/upgrades/record.ts";
import type { UpgradePolicy } from "@shoal/node/governance/rules/state.ts";
import { bytesOf, type GroupId } from "@shoal/node/model/ids.ts";
import { describe, expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { admit, clock, contextRow, startNode, type TestNode } from "./node.ts";
import { level, team } from "./exchange.ts";
import { alice, applicationId, bob, contextId } from "./people.ts";

async function group(node: TestNode, upgradePolicy: UpgradePolicy, parentId?: GroupId): Promise<GroupId> {
  return node.governance.createGroup({
    applicationId: applicationId(1),
    upgradePolicy,
    visibility: "Open",
    ...(parentId === undefined ? {} : { parentId }),
  });
}

const to = (groupId: GroupId, n = 2, more: object = {}) => ({
  groupId,
  targetApplicationId: applicationId(n),
  cascade: false,
  ...more,
});

const counts = ({ governance }: TestNode, groupId: GroupId) => {
  const record = governance.upgrades.status(groupId);
  return record && { ...countsOf(record), done: record.completedAtMs !== undefined };
};

const completed = (node: TestNode, groupId: GroupId) =>
  eventually(() => counts(node, groupId)?.done === true || undefined, "the upgrade completes");

const move = (context: number, n = 2, method = "", version = "2.0.0"): string =>
  `${contextId(context)}:${applicationId(n)}@${version}:${method}`;

describe("Automatic", () => {
  test("moves every context once, with the migration, and says so", async () => {
    const node = await startNode();
    const id = await group(node, { type: "Automatic" });
    await admit(node, 1, id);
    await admit(node, 2, id);
    const record = await node.governance.upgrades.upgrade(to(id, 2, { migrateMethod: "migrate_v2" }));
    expect(record).toMatchObject({ fromVersion: "1.0.0", toVersion: "2.0.0", initiatedBy: alice.publicKey });
    await completed(node, id);
    expect(node.moves.toSorted()).toEqual([move(1, 2, "migrate_v2"), move(2, 2, "migrate_v2")].toSorted());
    expect(counts(node, id)).toEqual({ total: 2, completed: 2, failed: 0, done: true });
    expect(node.governance.group(id).group.targetApplicationId).toBe(applicationId(2));
    const types = node.events.map(({ event }) => event.type);
    expect(types.filter((type) => type.startsWith("Migration"))).toEqual([
      "MigrationStarted",
      "MigrationProgress",
      "MigrationCompleted",
    ]);
  });

  test("is complete at once where there is nothing to move", async () => {
    const node = await startNode();
    const id = await group(node, { type: "Automatic" });
    expect((await node.governance.upgrades.upgrade(to(id))).completedAtMs).toBe(clock.now());
  });

  test("tries a context three times, then leaves it to a person", async () => {
    const node = await startNode();
    const id = await group(node, { type: "Automatic" });
    await admit(node, 1, id);
    await admit(node, 2, id);
    node.failing.add(contextId(1));
    await node.governance.upgrades.upgrade(to(id));
    await eventually(async () => {
      await clock.advance(seconds(5));
      return counts(node, id)?.failed === 1 || undefined;
    }, "the context is given up");
    await eventually(() => counts(node, id)?.completed === 1 || undefined, "the other one has moved");
    expect(node.moves.filter((each) => each === move(1))).toHaveLength(3);
    expect(node.governance.upgrades.status(id)?.moves.find((each) => each.state === "failed")?.error).toBe(
      "the migration trapped",
    );
    await expect(node.governance.upgrades.upgrade(to(id))).rejects.toMatchObject({ code: "conflict" });
    node.failing.clear();
    await node.governance.upgrades.retry(id);
    await completed(node, id);
    expect(node.moves.filter((each) => each === move(2))).toHaveLength(1);
    await expect(node.governance.upgrades.retry(id)).rejects.toMatchObject({ code: "not_found" });
  });

  test("goes on after a restart with what had not moved", async () => {
    const node = await startNode();
    const id = await group(node, { type: "Automatic" });
    await admit(node, 1, id);
    await admit(node, 2, id);
    const last = [contextId(1), contextId(2)].toSorted()[1];
    if (last === undefined) throw new Error("two contexts");
    node.failing.add(last);
    await node.governance.upgrades.upgrade(to(id));
    await eventually(() => node.moves.length === 2 || undefined, "one moved, one tried");
    const again = await node.restart();
    await completed(again, id);
    expect(again.moves).toEqual([`${last}:${applicationId(2)}@2.0.0:`]);
  });
});

describe("other policies", () => {
  test("LazyOnAccess moves a context before its next use, once, and lets it go on where that fails", async () => {
    const node = await startNode();
    const { upgrades } = node.governance;
    const id = await group(node, { type: "LazyOnAccess" });
    await admit(node, 1, id);
    await admit(node, 2, id);
    await upgrades.upgrade(to(id));
    expect(node.moves).toEqual([]);
    await Promise.all([upgrades.beforeUse(contextId(1)), upgrades.beforeUse(contextId(1))]);
    await upgrades.beforeUse(contextId(1));
    expect(node.moves).toEqual([move(1)]);
    node.failing.add(contextId(2));
    await upgrades.beforeUse(contextId(2));
    await upgrades.beforeUse(contextId(2));
    expect(node.moves).toEqual([move(1), move(2)]);
    expect(counts(node, id)).toEqual({ total: 2, completed: 1, failed: 1, done: false });
  });

  test("Coordinated waits for a word, at the latest for its deadline", async () => {
    const node = await startNode();
    const { upgrades } = node.governance;
    const deadlineMs = clock.now() + days(40);
    const [word, dated] = [
      await group(node, { type: "Coordinated" }),
      await group(node, { type: "Coordinated", deadlineMs }),
    ];
    await admit(node, 1, word);
    await admit(node, 2, dated);
    await upgrades.upgrade(to(word));
    await upgrades.upgrade(to(dated));
    await upgrades.beforeUse(contextId(1));
    await clock.advance(milliseconds(days(40) - 1));
    expect(node.moves).toEqual([]);
    await clock.advance(milliseconds(1));
    await completed(node, dated);
    expect(node.moves).toEqual([move(2)]);
    await upgrades.retry(word);
    await completed(node, word);
  });

  test("a word before the deadline is heard", async () => {
    const node = await startNode();
    const id = await group(node, { type: "Coordinated", deadlineMs: clock.now() + 60_000 });
    await admit(node, 1, id);
    await node.governance.upgrades.upgrade(to(id));
    await node.governance.upgrades.retry(id);
    await completed(node, id);
  });

  test("abort goes back for what has not moved", async () => {
    const node = await startNode();
    const id = await group(node, { type: "LazyOnAccess" });
    await admit(node, 1, id);
    await node.governance.upgrades.upgrade(to(id));
    await node.governance.upgrades.abort(id);
    expect(node.governance.group(id).group.targetApplicationId).toBe(applicationId(1));
    await node.governance.upgrades.beforeUse(contextId(1));
    expect(node.moves).toEqual([]);
    expect((await node.restart()).governance.upgrades.status(id)?.abortedAtMs).toBe(clock.now());
  });

  test("every moment has a rule", () => {
    const at = (policy: UpgradePolicy, released = false) => momentOf({ policy, released } as UpgradeRecord, 100);
    expect(at({ type: "Automatic" })).toBe("now");
    expect(at({ type: "LazyOnAccess" })).toBe("on_access");
    expect(at({ type: "LazyOnAccess" }, true)).toBe("now");
    expect(at({ type: "Coordinated" })).toBe("on_word");
    expect(at({ type: "Coordinated", deadlineMs: 100 })).toBe("now");
    expect(at({ type: "Coordinated", deadlineMs: 101 })).toEqual({ atMs: 101 });
  });
});

describe("targets", () => {
  test("are installed, the same author's, and not older", async () => {
    const node = await startNode();
    const id = await group(node, { type: "Automatic" });
    const refused = (n: number): Promise<unknown> =>
      node.governance.upgrades.upgrade(to(id, n)).catch((thrown: { code: string }) => thrown.code);
    expect(await refused(9)).toBe("not_found");
    expect(await refused(3)).toBe("conflict");
    expect(await refused(4)).toBe("permission_denied");
    expect(node.governance.upgrades.status(id)).toBeUndefined();
  });

  test("may be a newer version of what runs, which a pinned group does not run by itself", async () => {
    const node = await startNode();
    const old = Buffer.from(bytesOf(applicationId(5))).toString("hex");
    const pinned = { applicationId: applicationId(5), appKey: old, upgradePolicy: { type: "Automatic" } } as const;
    const id = await node.governance.createGroup({ ...pinned, visibility: "Open" });
    expect(node.governance.group(id).group.targetVersion).toBe("1.0.0");
    await admit(node, 1, id);
    await node.governance.upgrades.upgrade(to(id, 5));
    await completed(node, id);
    expect(node.moves).toEqual([move(1, 5, "", "1.1.0")]);
    expect(node.governance.upgrades.status(id)).toMatchObject({ fromVersion: "1.0.0", toVersion: "1.1.0" });
    await expect(node.governance.upgrades.upgrade(to(id, 5))).rejects.toMatchObject({ code: "conflict" });
  });

  test("cascade to open groups below that run the same", async () => {
    const node = await startNode();
    const root = await group(node, { type: "Automatic" });
    const child = await group(node, { type: "Automatic" }, root);
    await admit(node, 1, child);
    await node.governance.upgrades.upgrade(to(root, 2, { cascade: true }));
    await completed(node, child);
    expect(
      node.governance.upgrades
        .cascade(root)
        .map((each) => each.groupId)
        .toSorted(),
    ).toEqual([root, child].toSorted());
    expect(node.events.map(({ event }) => event.type)).toContain("CascadeProgress");
  });
});

describe("of another node", () => {
  test("are followed with the contexts that are here, moved by its deltas, and taken back with it", async () => {
    const { id, nodes } = await team([alice, bob]);
    const [a, b] = nodes as [TestNode, TestNode];
    await admit(a, 1, id);
    await admit(a, 2, id);
    await level(id, a, b);
    await b.store.apply([contextRow(contextId(1), applicationId(1), "1.0.0")]);
    await a.governance.upgrades.upgrade(to(id, 2, { migrateMethod: "migrate" }));
    await completed(a, id);
    await level(id, a, b);
    // Its own delta moves the context here as well.
    expect(counts(b, id)).toEqual({ total: 1, completed: 0, failed: 0, done: false });
    await moves(b, 1, 2, "2.0.0");
    await completed(b, id);
    await clock.advance(days(1));
    expect(b.moves).toEqual([]);
    await a.governance.act(id, [{ type: "UpgradePolicySet", policy: { type: "LazyOnAccess" } }]);
    await a.governance.upgrades.upgrade(to(id, 7));
    await level(id, a, b);
    expect(counts(b, id)).toMatchObject({ total: 1, completed: 0 });
    await a.governance.upgrades.abort(id);
    await level(id, a, b);
    await eventually(() => b.governance.upgrades.status(id)?.abortedAtMs, "it is taken back");
    await b.governance.upgrades.beforeUse(contextId(1));
    expect(b.moves).toEqual([]);
  });

  test("are made in the place of who began, with its migration, where that one is gone", async () => {
    const { id, nodes } = await team([alice, bob]);
    const [a, b] = nodes as [TestNode, TestNode];
    await admit(a, 1, id);
    await level(id, a, b);
    await b.store.apply([contextRow(contextId(1), applicationId(1), "1.0.0")]);
    a.failing.add(contextId(1));
    await a.governance.upgrades.upgrade(to(id, 2, { migrateMethod: "migrate" }));
    await level(id, a, b);
    await clock.advance(milliseconds(PATIENCE_MS - 1));
    expect(b.moves).toEqual([]);
    await eventually(async () => {
      await clock.advance(seconds(1));
      return counts(b, id)?.done === true || undefined;
    }, "it is done here");
    expect(b.moves).toEqual([move(1, 2, "migrate")]);
  });

  test("are open again where a context is not at the target after all", async () => {
    const node = await startNode();
    const id = await group(node, { type: "LazyOnAccess" });
    await admit(node, 1, id);
    await node.governance.upgrades.upgrade(to(id));
    await node.governance.upgrades.beforeUse(contextId(1));
    expect(counts(node, id)).toMatchObject({ done: true });
    await moves(node, 1, 1, "1.0.0");
    await eventually(() => counts(node, id)?.done === false || undefined, "it is open");
    await node.governance.upgrades.beforeUse(contextId(1));
    expect(counts(node, id)).toMatchObject({ done: true });
  });

  test("count what is here, and wait for an application that is not", async () => {
    const { id, nodes } = await team([alice, bob]);
    const [a, b] = nodes as [TestNode, TestNode];
    for (const n of [1, 2]) await admit(a, n, id);
    await level(id, a, b);
    await b.store.apply([contextRow(contextId(1), applicationId(1), "1.0.0")]);
    b.missing.add(applicationId(2));
    await a.governance.upgrades.upgrade(to(id));
    await completed(a, id);
    await level(id, a, b);
    await eventually(async () => {
      await clock.advance(seconds(5));
      return b.governance.upgrades.status(id)?.moves[0]?.error;
    }, "it says what it waits for");
    expect(b.governance.upgrades.status(id)?.moves).toMatchObject([{ state: "waiting", attempts: 0 }]);
    b.missing.clear();
    await eventually(async () => {
      await clock.advance(seconds(5));
      return counts(b, id)?.done === true || undefined;
    }, "it goes on");
  });
});

/** As if a delta of somebody else had come. */
async function moves(node: TestNode, context: number, n: number, version: string): Promise<void> {
  await node.store.apply([contextRow(contextId(context), applicationId(n), version)]);
  node.bus.publish({ contextId: contextId(context), event: { type: "AppVersionChanged", toVersion: version } });
}
