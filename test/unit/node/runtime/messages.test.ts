/** What threads tell each other arrives as it was sent. */
import {
  anything,
  array,
  assert,
  bigInt,
  boolean,
  constant,
  constantFrom,
  oneof,
  option,
  property,
  record,
  string,
  uint8Array,
} from "fast-check";
import type { Outcome, RunRequest } from "@shoal/node/runtime/contract.ts";
import {
  packError,
  packOutcome,
  packRequest,
  unpackAnswer,
  unpackRequest,
} from "@shoal/node/runtime/executor/messages.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import { COLUMNS } from "@shoal/node/storage/store.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { expect, it } from "vitest";

const id = uint8Array({ minLength: 32, maxLength: 32 });
const bytes = uint8Array({ maxLength: 50 });
const u64 = bigInt({ min: 0n, max: (1n << 64n) - 1n });
const text = string({ unit: "grapheme" });
const row = record({ column: constantFrom(...COLUMNS), key: bytes, value: option(bytes, { nil: undefined }) });

it("a request", () => {
  const request = record(
    {
      context: id,
      module: text,
      method: text,
      input: bytes,
      executor: id,
      device: id,
      xcallOrigin: id,
      mode: constantFrom("read" as const, "write" as const),
      nowNs: u64,
      seed: id,
      limits: constant(DEFAULT_LIMITS),
      ahead: array(row, { minLength: 1 }),
    },
    { requiredKeys: ["context", "module", "method", "input", "executor", "device", "mode", "nowNs", "seed", "limits"] },
  );
  assert(
    property(request, (sent) => {
      expect(unpackRequest(packRequest(sent as RunRequest), DEFAULT_LIMITS)).toEqual(sent);
    }),
  );
});

it("an outcome", () => {
  const failure = record(
    { kind: constantFrom("HostError", "WasmTrap", "ExecutionError"), detail: text, message: text, data: bytes },
    { requiredKeys: ["kind", "message"] },
  ).map((failed) => ({ failure: failed }));
  const ok = option(bytes, { nil: undefined }).map((returned) => ({ ok: returned }));
  const outcome = record(
    {
      returns: oneof(failure, ok),
      logs: array(text),
      events: array(record({ kind: text, data: bytes, handler: text }, { requiredKeys: ["kind", "data"] })),
      xcalls: array(record({ context: id, method: text, params: bytes })),
      rootHash: id,
      artifact: bytes,
      rows: array(row),
      mutates: boolean(),
      gasUsed: u64,
      hostCalls: constantFrom(0, 1, 1_000_000),
      migrationWitness: bytes,
      timings: constant({ instanceUs: 12.345, guestUs: 0, hostUs: 1, merkleUs: 1e6 }),
    },
    { requiredKeys: ["returns", "logs", "events", "xcalls", "artifact", "rows", "mutates", "gasUsed", "hostCalls"] },
  );
  assert(
    property(outcome, (sent) => {
      expect(unpackAnswer(packOutcome(sent as Outcome))).toEqual({ outcome: sent });
    }),
  );
});

it("why there is no outcome", () => {
  const answer = unpackAnswer(packError(new ShoalError("unavailable", "the store is being opened again")));
  expect(answer).toMatchObject({ error: { code: "unavailable", message: "the store is being opened again" } });
  assert(
    property(anything(), (thrown) => {
      expect(unpackAnswer(packError(thrown))).toHaveProperty("error.code", "internal");
    }),
  );
});
