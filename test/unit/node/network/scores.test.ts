import { describe, expect, test } from "vitest";
import { createBucket } from "@shoal/node/network/rate.ts";
import { createScores, FIRST_CUT, FLOOR, LONGEST_CUT, RECOVERY, WEIGHTS } from "@shoal/node/network/scores.ts";

describe("scores", () => {
  test("a stranger is at 0, an offence costs its weight, and time gives it back", () => {
    const scores = createScores();
    expect(scores.of("p", 0)).toBe(0);
    expect(scores.note("p", "malformed", 0).score).toBe(-WEIGHTS.malformed);
    expect(scores.of("p", RECOVERY * 5)).toBe(5 - WEIGHTS.malformed);
    expect(scores.of("p", RECOVERY * 1000)).toBe(0);
  });

  test("two forged things are the end; the cut is longer each time, and has an end", () => {
    const scores = createScores();
    let now = 0;
    const untilCut = (): number => {
      for (let n = 0; n < 100; n++) {
        const { cutFor } = scores.note("p", "forged", now);
        if (cutFor !== undefined) return cutFor;
      }
      throw new Error("never cut off");
    };
    expect(untilCut()).toBe(FIRST_CUT);
    expect(scores.isCut("p", now + FIRST_CUT - 1)).toBe(true);
    expect(scores.of("p", now)).toBe(FLOOR);
    expect(scores.isCut("p", now + FIRST_CUT)).toBe(false);
    now += FIRST_CUT;
    expect(scores.of("p", now)).toBe(FLOOR / 2);
    expect(untilCut()).toBe(FIRST_CUT * 2);
    for (let n = 0; n < 20; n++) {
      now += LONGEST_CUT;
      untilCut();
    }
    expect(scores.isCut("p", now + LONGEST_CUT)).toBe(false);
  });

  test("only the first of a kind is worth a line", () => {
    const scores = createScores();
    expect(scores.note("p", "slow", 0).isFirst).toBe(true);
    expect(scores.note("p", "slow", 1).isFirst).toBe(false);
    expect(scores.note("p", "broken", 1).isFirst).toBe(true);
    expect(scores.note("q", "slow", 1).isFirst).toBe(true);
  });

  test("so many are remembered and no more", () => {
    const scores = createScores(10);
    for (let n = 0; n < 11; n++) scores.note(`p${n}`, "forged", 0);
    expect(scores.of("p0", 0)).toBe(0);
    expect(scores.of("p1", 0)).toBe(-WEIGHTS.forged);
  });

  test("who is forgiven is a stranger again", () => {
    const scores = createScores();
    for (let n = 0; n < 4; n++) scores.note("p", "forged", 0);
    scores.forget("p");
    expect([scores.of("p", 0), scores.isCut("p", 0)]).toEqual([0, false]);
  });
});

test("a bucket gives its rate, twice that at once, and nothing in advance", () => {
  const bucket = createBucket(10);
  const taken = (now: number): number => Array.from({ length: 100 }, () => bucket.take(1, now)).filter(Boolean).length;
  expect(taken(0)).toBe(20);
  expect(taken(0)).toBe(0);
  expect(taken(500)).toBe(5);
  expect(taken(1_000_000)).toBe(20);
});
