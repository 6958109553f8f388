/** Mailbox bound, one answer per message, restart after a fault. */
import { silentLog } from "@shoal/shared/base/log.ts";
import { minutes } from "@shoal/shared/base/time.ts";
import { ActorFault, startActor, type Message } from "@shoal/node/actors/actor.ts";
import { expect, test } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../../support/virtual-clock.ts";

type Add = Message<{ readonly type: "add"; readonly n: number }, number>;
type Hold = Message<{ readonly type: "hold"; readonly until: Promise<void> }, string>;
type Break = Message<{ readonly type: "break"; readonly fault: boolean }, never>;
type Sum = Add | Hold | Break;

function sumActor(mailbox?: number): {
  actor: ReturnType<typeof startActor<Sum>>;
  clock: VirtualClock;
  stops: unknown[];
} {
  const clock = createVirtualClock();
  const stops: unknown[] = [];
  const create = (): ((message: Sum) => Promise<unknown>) => {
    let sum = 0;
    return async (message) => {
      switch (message.type) {
        case "add":
          return (sum += message.n);
        case "hold":
          await message.until;
          return "held";
        case "break":
          throw message.fault ? new ActorFault("state in doubt") : new RangeError("the sender's mistake");
      }
    };
  };
  const actor = startActor<Sum>({
    name: "sum",
    log: silentLog,
    clock,
    create,
    ...(mailbox === undefined ? {} : { mailbox }),
    onStopped: (reason) => void stops.push(reason),
  });
  return { actor, clock, stops };
}

const add = (n: number): Add => ({ type: "add", n });

test("answers every message once, also those in work at the stop", async () => {
  const { actor } = sumActor();
  expect(await actor.send(add(2))).toBe(2);
  let release = (): void => undefined;
  const held = actor.send<Hold>({ type: "hold", until: new Promise((resolve) => (release = resolve)) });
  const stopped = actor.stop();
  await expect(actor.send(add(1))).rejects.toMatchObject({ code: "unavailable" });
  release();
  expect(await held).toBe("held");
  await stopped;
});

test("full mailbox: one more is refused at once, the others go on", async () => {
  const { actor } = sumActor(2);
  let release = (): void => undefined;
  const until = new Promise<void>((resolve) => (release = resolve));
  const held = [actor.send<Hold>({ type: "hold", until }), actor.send<Hold>({ type: "hold", until })];
  await expect(actor.send(add(1))).rejects.toMatchObject({ code: "unavailable", retryAfterSeconds: 1 });
  release();
  expect(await Promise.all(held)).toEqual(["held", "held"]);
  expect(await actor.send(add(1))).toBe(1);
});

test("a sender's mistake changes nothing; a fault restarts with fresh state", async () => {
  const { actor } = sumActor();
  await actor.send(add(5));
  await expect(actor.send<Break>({ type: "break", fault: false })).rejects.toThrow(RangeError);
  expect(await actor.send(add(1))).toBe(6);
  await expect(actor.send<Break>({ type: "break", fault: true })).rejects.toMatchObject({ code: "internal" });
  expect(await actor.send(add(1))).toBe(1);
  expect(actor.restarts).toBe(1);
});

test("restarts are bounded within a window, and only there", async () => {
  const { actor, clock, stops } = sumActor();
  for (let n = 0; n < 5; n++) await actor.send<Break>({ type: "break", fault: true }).catch(() => undefined);
  await clock.advance(minutes(31));
  for (let n = 0; n < 5; n++) await actor.send<Break>({ type: "break", fault: true }).catch(() => undefined);
  expect(await actor.send(add(1))).toBe(1);
  await actor.send<Break>({ type: "break", fault: true }).catch(() => undefined);
  await expect(actor.send(add(1))).rejects.toMatchObject({ code: "unavailable" });
  expect(stops).toHaveLength(1);
});
