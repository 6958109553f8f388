/** The window keeps order through any mix of sending, confirming and starting over. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Window } from "@shoal/processor/publisher/window.ts";

test("what is sent after a rewind is what was not confirmed, in order", () => {
  const action = fc.oneof(
    fc.constant("add" as const),
    fc.constant("send" as const),
    fc.constant("rewind" as const),
    fc.nat(20),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const window = new Window<{ n: number; bytes: number }>({ count: 1000, bytes: 1e9 });
      const inFlight = new Map<number, number>();
      const confirmed = new Set<number>();
      let [added, lastSent] = [0, -1];
      for (const step of actions) {
        if (step === "add") window.add({ n: added++, bytes: 1 });
        else if (step === "rewind") {
          expect(window.rewind()).toBe(inFlight.size);
          inFlight.clear();
          lastSent = -1;
        } else if (step === "send") {
          const next = window.takeUnsent();
          if (next === undefined) continue;
          const [place, { n }] = next;
          expect(confirmed.has(n)).toBe(false);
          expect(n).toBeGreaterThan(lastSent);
          lastSent = n;
          inFlight.set(place, n);
        } else {
          const place = [...inFlight.keys()][step];
          if (place === undefined) continue;
          confirmed.add(inFlight.get(place) ?? -1);
          inFlight.delete(place);
          expect(window.remove(place)).toBeDefined();
        }
      }
      expect([...window].map(({ n }) => n)).toEqual(
        Array.from({ length: added }, (_, n) => n).filter((n) => !confirmed.has(n)),
      );
    }),
  );
});

test("it is bounded by number and by bytes, and one that is too big goes alone", () => {
  const window = new Window<{ bytes: number }>({ count: 2, bytes: 100 });
  expect(window.fits(1000)).toBe(true);
  window.add({ bytes: 60 });
  expect([window.fits(40), window.fits(41)]).toEqual([true, false]);
  window.add({ bytes: 1 });
  expect(window.fits(1)).toBe(false);
  window.takeUnsent();
  window.remove(1);
  expect(window.fits(1)).toBe(true);
});
