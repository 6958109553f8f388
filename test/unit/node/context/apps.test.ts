/** Apps as their authors wrote them, written to on three nodes at once: the same root everywhere, in whatever order deltas came. */
import type { ContextId } from "@shoal/node/model/ids.ts";
import { seeded, type Random } from "@shoal/shared/base/random.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { builtApp } from "../../sdk/app/built.ts";
import { bodiesFor, call, createOn, joinFrom, openTeam, shuffled, stateOf, type Team } from "./pair.ts";
import type { Rig } from "./rig.ts";

let team: Team;
let rigs: readonly Rig[];

beforeAll(async () => {
  team = await openTeam();
  rigs = await Promise.all(["alice", "bob", "carol"].map((name) => team.open(name)));
});
afterAll(() => team.close());

interface App {
  readonly name: string;
  readonly init: object;
  /** One write of a node; a refusal by the app is an outcome like any other. */
  readonly write: (rig: Rig, contextId: ContextId, random: Random) => Promise<unknown>;
}

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random.next() * items.length)]!;
const word = (random: Random): string => pick(random, ["red", "green", "blue", "black"]);

const APPS: readonly App[] = [
  {
    name: "kv-store",
    init: { entries: [{ key: "first", value: "1" }] },
    write: (rig, id, random) =>
      random.next() < 0.7
        ? call(rig, id, "set", { key: word(random), value: String(random.next()) })
        : call(rig, id, "remove", { key: word(random) }),
  },
  {
    name: "team-chat",
    init: { channels: ["general", "random"] },
    write: async (rig, id, random) => {
      const channel = pick(random, ["general", "random"]);
      if (random.next() < 0.3) return call(rig, id, "editTopic", { channel, at: 0, insert: word(random) });
      const page = (await call(rig, id, "page", { channel })) as { messages: { id: string }[] };
      const message = pick(random, page.messages)?.id;
      if (message !== undefined && random.next() < 0.4)
        return call(rig, id, "edit", { channel, id: message, text: "new" });
      return call(rig, id, "send", { channel, text: `${word(random)} thing` });
    },
  },
  {
    name: "task-board/v1",
    init: { title: "Board" },
    write: async (rig, id, random) => {
      const tasks = (await call(rig, id, "list")) as { id: string }[];
      const task = pick(random, tasks)?.id;
      if (task === undefined || random.next() < 0.4) return call(rig, id, "add", { title: word(random) });
      if (random.next() < 0.3) return call(rig, id, "rename", { title: word(random) });
      if (random.next() < 0.5) return call(rig, id, "comment", { task, text: word(random) });
      return call(rig, id, "move", { task, column: pick(random, ["todo", "doing", "done"]) });
    },
  },
];

/** Everybody gets what the others have, in an order of its own. */
async function gossip(contextId: ContextId, random: Random): Promise<void> {
  for (const to of rigs) {
    for (const from of rigs) {
      if (from === to) continue;
      const bodies = shuffled(await bodiesFor(from, to, contextId), () => random.next());
      expect((await to.replicas.receive(contextId, bodies)).refused).toEqual([]);
    }
  }
}

/** Until nobody lacks anything: handlers may have written meanwhile. */
async function gossipToTheEnd(contextId: ContextId, random: Random): Promise<void> {
  for (let round = 0; round < 10; round++) {
    await gossip(contextId, random);
    const prints = await Promise.all(rigs.map(async ({ replicas }) => (await replicas.ids(contextId)).fingerprint()));
    if (prints.every((print) => Buffer.compare(print, prints[0]!) === 0)) return;
  }
  expect.unreachable("the nodes go on for ever");
}

test.each(APPS)("$name", async ({ name, init, write }) => {
  const module = await builtApp(name);
  const [alice, ...others] = rigs as [Rig, ...Rig[]];
  const { contextId } = await createOn(alice, module, init);
  for (const other of others) await joinFrom(alice, other, contextId, module);
  const diverged: unknown[] = [];
  const stops = rigs.map(({ replicas }) => replicas.onDivergence((divergence) => diverged.push(divergence)));
  const random = seeded(11);
  for (let round = 0; round < 4; round++) {
    await Promise.all(
      rigs.map(async (rig) => {
        for (let n = 0; n < 5; n++) await write(rig, contextId, random).catch(() => undefined);
      }),
    );
    await gossip(contextId, random);
  }
  await gossipToTheEnd(contextId, random);
  const summaries = rigs.map(({ replicas }) => replicas.summary(contextId));
  expect(summaries[0]?.deltas).toBeGreaterThan(30);
  for (const summary of summaries.slice(1)) expect(summary).toEqual(summaries[0]);
  const states = await Promise.all(rigs.map((rig) => stateOf(rig, contextId)));
  expect(new Set(states).size).toBe(1);
  expect(diverged).toEqual([]);
  for (const stop of stops) stop();
});
