import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { builtApp } from "./built.ts";
import { type Answer, openNode, type Replica, replicasOn, type TestNode } from "./replica.ts";

let v1: Uint8Array;
let v2: Uint8Array;
let nodes: readonly TestNode[];
let ann: Replica;
let ben: Replica;

beforeAll(async () => {
  [v1, v2] = await Promise.all([builtApp("task-board/v1"), builtApp("task-board/v2")]);
  nodes = await Promise.all([openNode(1), openNode(2)]);
});
afterAll(() => Promise.all(nodes.map((node) => node.close())));
beforeEach(async () => {
  [ann, ben] = (await replicasOn(nodes, v1)) as [Replica, Replica];
  await ben.receive((await ann.call("init", { title: "Launch" })).artifact);
});

async function tell(answers: readonly Answer[], to: Replica): Promise<void> {
  for (const { artifact } of answers) await to.receive(artifact);
}

describe("the board", () => {
  test("has its title, and columns in their order", async () => {
    expect(await ben.value("name")).toBe("Launch");
    await ann.call("addColumn", { name: "review", rank: 1.5 });
    const columns = (await ann.value("listColumns")) as { name: string }[];
    expect(columns.map(({ name }) => name)).toEqual(["todo", "doing", "review", "done"]);
    expect(await ann.errorOf("addColumn", { name: "review", rank: 2 })).toMatchObject({ code: "already_exists" });
  });

  test("moves and assigns tasks, and remembers it", async () => {
    const { value: task, events } = await ann.call("add", { title: "Write" });
    expect(events).toEqual([{ kind: "TaskChanged", data: { task, what: "added to todo" } }]);
    await ann.call("assign", { task, assignee: ben.user });
    await ann.call("move", { task, column: "done" });
    expect((await ann.call("move", { task, column: "done" })).artifact).toHaveLength(0);
    expect(await ann.value("list", { column: "done" })).toEqual([
      { id: task, title: "Write", column: "done", assignee: ben.user },
    ]);
    expect(await ann.value("list", { column: "todo" })).toEqual([]);
    expect(await ann.value("historyOf", { task })).toEqual([
      "added to todo",
      `assigned to ${ben.user}`,
      "moved from todo to done",
    ]);
    expect([await ann.value("addedCount"), await ann.value("openCount")]).toEqual([1, 0]);
    expect(await ann.errorOf("move", { task: "none", column: "done" })).toEqual({
      code: "failed",
      message: "no such task: none",
    });
    expect(await ann.errorOf("move", { task, column: "none" })).toMatchObject({ code: "not_found" });
  });

  test("counts and comments of two at once all stay", async () => {
    const added = await ann.call("add", { title: "Plan" });
    await tell([added], ben);
    const task = added.value;
    const first = [await ann.call("add", { title: "A" }), await ann.call("comment", { task, text: "from ann" })];
    const second = [
      await ben.call("add", { title: "B", column: "doing" }),
      await ben.call("comment", { task, text: "from ben" }),
      await ben.call("move", { task, column: "done" }),
    ];
    await tell(second, ann);
    await tell(first, ben);
    expect(ann.root).toBe(ben.root);
    for (const replica of [ann, ben]) {
      expect([await replica.value("addedCount"), await replica.value("openCount")]).toEqual([3, 2]);
      const comments = (await replica.value("listComments", { task })) as { author: string; text: string }[];
      expect(comments.map(({ author, text }) => [author, text])).toEqual([
        [ann.user, "from ann"],
        [ben.user, "from ben"],
      ]);
    }
  });
});

describe("the second version", () => {
  test("carries the old state over, and two replicas that migrate for themselves converge", async () => {
    const open = await ann.call("add", { title: "Open" });
    const closed = await ann.call("add", { title: "Closed" });
    const steps = [
      open,
      closed,
      await ann.call("assign", { task: open.value, assignee: ben.user }),
      await ann.call("move", { task: closed.value, column: "done" }),
      await ann.call("comment", { task: open.value, text: "soon" }),
    ];
    await tell(steps, ben);
    await Promise.all([ann.install(v2), ben.install(v2)]);
    const [fromAnn, fromBen] = [await ann.call("fromV1"), await ben.call("fromV1")];
    await tell([fromBen], ann);
    await tell([fromAnn], ben);

    expect(ann.root).toBe(ben.root);
    for (const replica of [ann, ben]) {
      expect(await replica.value("name")).toBe("Launch");
      expect(await replica.value("list")).toEqual([
        { id: open.value, title: "Open", column: "todo", assignees: [ben.user], labels: [] },
      ]);
      expect(await replica.value("archived")).toEqual([
        { id: closed.value, title: "Closed", column: "done", assignees: [], labels: [] },
      ]);
      const comments = (await replica.value("listComments", { task: open.value })) as { text: string }[];
      expect(comments.map(({ text }) => text)).toEqual(["soon"]);
      expect([await replica.value("addedCount"), await replica.value("openCount")]).toEqual([2, 1]);
    }
    await ann.call("label", { task: open.value, labels: ["urgent"] });
    expect(await ann.value("list", { column: "todo" })).toMatchObject([{ labels: ["urgent"] }]);
  });

  test("may arrive from another before one's own, with what was written between", async () => {
    const early = await ann.call("add", { title: "Early" });
    await tell([early, await ann.call("assign", { task: early.value, assignee: ann.user })], ben);
    await ann.install(v2);
    const migrated = await ann.call("fromV1");
    const late = await ben.call("add", { title: "Late" });
    await tell([migrated], ben);
    await tell([late], ann);
    await ben.install(v2);
    await tell([await ben.call("fromV1")], ann);

    expect(ann.root).toBe(ben.root);
    for (const replica of [ann, ben]) {
      expect(await replica.value("list")).toEqual([
        { id: early.value, title: "Early", column: "todo", assignees: [ann.user], labels: [] },
        { id: late.value, title: "Late", column: "todo", assignees: [], labels: [] },
      ]);
    }
  });

  test("migrates from the version that it knows only", async () => {
    await ann.install(v2);
    await ann.call("fromV1");
    // Once more is nothing more: the node may not know that it was done.
    expect(await ann.call("fromV1")).toMatchObject({ events: [] });
    const [stranger] = (await replicasOn(nodes.slice(0, 1), v2)) as [Replica];
    expect(await stranger.errorOf("fromV1")).toEqual({ code: "conflict", message: "the state has version 0, not 1" });
  });
});
