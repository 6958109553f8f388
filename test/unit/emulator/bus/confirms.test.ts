/** Confirms: in order, once each, no earlier than the disk, refusals by name. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Confirms } from "@shoal/emulator/bus/confirms.ts";

test("each is paid once, in order, when its ticket is on disk and not before", () => {
  const publication = fc.record({ wait: fc.nat(3), refused: fc.boolean(), lost: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.oneof(publication, fc.constant("written" as const)), { maxLength: 40 }), (steps) => {
      const confirms = new Confirms();
      const owed = new Map<number, { ticket: number; refused: boolean }>();
      let [tag, written, paidUpTo, lost] = [0, 0, 0, 0];
      const pay = (): void => {
        confirms.pay(written, {
          ack: (last, multiple) => settle(last, multiple, false),
          nack: (last) => settle(last, false, true),
        });
      };
      const settle = (last: number, multiple: boolean, refused: boolean): void => {
        for (const [each, { ticket, refused: expected }] of owed) {
          if (each > last || (!multiple && each !== last)) continue;
          expect(ticket).toBeLessThanOrEqual(written);
          expect(expected).toBe(refused);
          owed.delete(each);
        }
        expect(multiple && lost > 0).toBe(false);
        expect(last).toBeGreaterThan(paidUpTo);
        paidUpTo = last;
      };
      for (const step of steps) {
        if (step === "written") written += 1;
        else if (step.lost) {
          confirms.skip();
          lost += 1;
          tag += 1;
        } else {
          const ticket = step.wait === 0 ? 0 : written + step.wait;
          owed.set(++tag, { ticket, refused: step.refused });
          confirms.add(ticket, step.refused);
        }
        pay();
      }
      written = Infinity;
      pay();
      expect([owed.size, confirms.waiting]).toEqual([0, 0]);
    }),
    { numRuns: 500 },
  );
});
