/** Messages sent before the actor exists. */
import { lazyRecipient } from "@shoal/node/actors/lazy-recipient.ts";
import type { Message, Recipient } from "@shoal/node/actors/actor.ts";
import { expect, test } from "vitest";

type Echo = Message<{ readonly type: "echo"; readonly n: number }, number>;

function echo(): { recipient: Recipient<Echo>; seen: number[] } {
  const seen: number[] = [];
  return {
    seen,
    recipient: {
      send(message) {
        seen.push(message.n);
        return (message.n < 0 ? Promise.reject(new RangeError("negative")) : Promise.resolve(message.n)) as never;
      },
    },
  };
}

test("early messages arrive in order and are answered", async () => {
  const lazy = lazyRecipient<Echo>("echo");
  const early = [1, -2, 3].map((n) => lazy.send({ type: "echo", n }));
  const settled = Promise.allSettled(early);
  const { recipient, seen } = echo();
  lazy.init(recipient);
  expect((await settled).map((one) => one.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(await lazy.send({ type: "echo", n: 4 })).toBe(4);
  expect(seen).toEqual([1, -2, 3, 4]);
});

test("early messages are bounded, and there is one actor", async () => {
  const lazy = lazyRecipient<Echo>("echo", 1);
  const first = lazy.send({ type: "echo", n: 1 });
  await expect(lazy.send({ type: "echo", n: 2 })).rejects.toMatchObject({ code: "unavailable" });
  lazy.init(echo().recipient);
  expect(await first).toBe(1);
  expect(() => lazy.init(echo().recipient)).toThrow("two actors");
});
