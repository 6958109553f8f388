/** A memory that serves one run after another: no run sees anything of another, and each sees the size that it should. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guest, prepared } from "./guest.ts";
import { endOf, openStage, requestOf, returnedBy, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

/** Says how many pages there are and whether anything is anywhere in them, then fills them. */
const LOOK = `(local $at i32) (local $found i64)
  (i64.store (i32.const 1024) (i64.extend_i32_u (memory.size)))
  (local.set $at (i32.const 2048))
  (loop $l
    (local.set $found (i64.or (local.get $found) (i64.load (local.get $at))))
    (i64.store (local.get $at) (i64.const -1))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (br_if $l (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
  (i64.store (i32.const 1032) (local.get $found))
  (i64.store (i32.const 8) (i64.const 1024)) (i64.store (i32.const 16) (i64.const 16)) (i64.store (i32.const 0) (i64.const 0))
  (call $value_return (i64.const 0))`;

const seen = (bytes: Uint8Array): bigint[] => {
  const view = Buffer.from(bytes);
  return [view.readBigInt64LE(0), view.readBigInt64LE(8)];
};

describe("a run", () => {
  it.each([1, 2, 17, 64, 65])("of a module with %i pages finds zeros, whatever the run before left", async (pages) => {
    const module = await stage.install(await guest({ look: LOOK }, undefined, pages));
    for (let n = 0; n < 3; n++) {
      const context = new Uint8Array(32).fill(n);
      const outcome = stage.run(requestOf(module, "look", { context }));
      expect(seen(returnedBy(outcome))).toEqual([BigInt(pages), 0n]);
    }
  });

  it("finds zeros also after one that trapped, and the module's size after one that grew", async () => {
    const methods = {
      look: LOOK,
      grow: `(drop (memory.grow (i32.const 3))) (i64.store (i32.const 131080) (i64.const -1))`,
      trap: `(i64.store (i32.const 4096) (i64.const -1)) unreachable`,
    };
    const module = await stage.install(await guest(methods, undefined, 1));
    for (const method of ["trap", "grow", "trap", "look"]) {
      stage.run(requestOf(module, method));
      expect(seen(returnedBy(stage.run(requestOf(module, "look"))))).toEqual([1n, 0n]);
    }
  });

  it("finds its data where it lies, also where the run before wrote over it", async () => {
    const text = `(module (import "env" "value_return" (func $r (param i64)))
      (memory (export "memory") 1)
      (data (i32.const 0) "\\00\\00\\00\\00\\00\\00\\00\\00\\40\\00\\00\\00\\00\\00\\00\\00\\04\\00\\00\\00\\00\\00\\00\\00")
      (data (i32.const 64) "data")
      (func (export "run") (call $r (i64.const 0)) (i64.store (i32.const 64) (i64.const -1))))`;
    const module = await stage.install(await prepared(text));
    for (let n = 0; n < 2; n++) {
      expect(Buffer.from(returnedBy(stage.run(requestOf(module, "run")))).toString()).toBe("data");
    }
  });

  it("needs no import, no maximum and no data for it", async () => {
    for (const text of [
      `(module (memory (export "memory") 0) (func (export "run")))`,
      `(module (memory (export "memory") 1 5) (global $g (mut i32) (i32.const 1)) (func (export "run") (global.set $g (i32.const 2))))`,
      `(module (func (export "run")) (table 1 funcref) (elem (i32.const 0) 0) (memory (export "memory") 1))`,
    ]) {
      expect(endOf(stage.run(requestOf(await stage.install(await prepared(text)), "run")))).toBe("ok");
    }
  });
});
