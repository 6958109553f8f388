/** The room in which ops wait for their parents: bounded, and the same after a restart. */
import { idKey, PREFIX } from "@shoal/node/governance/keys.ts";
import { restoreRooms, WaitingRoom, type Arrived } from "@shoal/node/governance/waiting-room.ts";
import type { Hash } from "@shoal/node/model/ids.ts";
import { createMemoryStore } from "@shoal/node/storage/memory-store.ts";
import { expect, test } from "vitest";
import { madeOp } from "./exchange.ts";
import { alice, groupId } from "./people.ts";

const ID = groupId(1);

function arrived(nonce: number, ...parents: readonly Hash[]): Arrived {
  return madeOp(alice, { namespaceId: ID, action: { type: "Noop" }, nonce, parents });
}

const unknown = arrived(1000).hash;

test("lets the oldest go where there is no room, by count and by bytes, and says how many", () => {
  const ops = Array.from({ length: 6 }, (_, at) => arrived(at + 11, unknown));
  const size = ops[0]!.bytes.length;
  for (const limits of [
    { ops: 4, bytes: Number.MAX_SAFE_INTEGER },
    { ops: 100, bytes: 4 * size },
  ]) {
    const room = new WaitingRoom(ID, limits);
    room.move(room.plan({ enter: ops.slice(0, 3), leave: [] }));
    expect([room.size, room.dropped]).toEqual([3, 0]);
    const full = room.plan({ enter: ops.slice(3), leave: [] });
    expect(full.leave).toEqual([ops[0]!.hash, ops[1]!.hash]);
    room.move(full);
    expect([room.size, room.dropped]).toEqual([4, 2]);
    const many = room.plan({ enter: Array.from({ length: 9 }, (_, at) => arrived(at + 20, unknown)), leave: [] });
    expect(many.enter).toHaveLength(4);
    room.move(many);
    expect([room.size, room.dropped]).toEqual([4, 2 + 4 + 5]);
  }
});

test("knows who waits for whom, also after a restart, the oldest first", async () => {
  const store = createMemoryStore();
  const room = new WaitingRoom(ID);
  const [one, two] = [arrived(1, unknown), arrived(2)];
  const three = arrived(3, ...[one.hash, unknown].sort());
  for (const enter of [[three], [one, two]]) {
    const change = room.plan({ enter, leave: [] });
    await store.apply(room.rows(change));
    room.move(change);
  }
  const again = new WaitingRoom(ID, { ops: 2, bytes: 1e9 });
  await restoreRooms(store, () => again);
  for (const each of [room, again]) {
    expect([...each.wanted()]).toEqual([unknown]);
    expect([...each.waitingFor(one.hash)]).toEqual([three.hash]);
    expect([...each.waitingFor(unknown)].sort()).toEqual([one.hash, three.hash].sort());
    expect(each.read(store, two.hash)?.op).toEqual(two.op);
  }
  expect(again.plan({ enter: [], leave: [] }).leave).toEqual([three.hash]);
  const leave = { enter: [], leave: [one.hash, two.hash, three.hash] };
  await store.apply(room.rows(leave));
  room.move(leave);
  expect([room.size, [...room.wanted()]]).toEqual([0, []]);
  expect(store.get("group", idKey(PREFIX.waiting, ID, one.hash))).toBeUndefined();
});
