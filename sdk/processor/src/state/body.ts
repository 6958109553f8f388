/**
 * Between a state and its text: capturing seals it with epoch, sequence and the digest of its data; opening checks shape and
 * digest, and that it is a state at all: an orchestrator or a person may hand over an error answer by mistake.
 */
import { createHash } from "node:crypto";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { StateBody } from "@shoal/shared/wire/state-body.ts";

/** Anything that JSON can carry as an object. */
export type StateData = Record<string, unknown>;

export function sha256Hex(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** RFC 9530: `sha-256=:<base64>:`. */
export function contentDigest(bytes: string | Uint8Array): string {
  return `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`;
}

export function dataDigest(data: StateData): string {
  return sha256Hex(JSON.stringify(data));
}

/**
 * Opens a body that was sent or kept. What has no `data` is the data itself, as in Dory. Throws `malformed_json` or
 * `invalid_argument` with the field.
 */
export async function openBody(text: string, missing: { podName: string; appName: string }): Promise<StateBody> {
  const value = parseObject(text);
  const whole = "data" in value ? value : { data: bareData(value) };
  // Loaded at the first restore: a processor that starts fresh never needs it.
  const { stateBodySchema, STATE_VERSION } = await import("@shoal/shared/wire/state-body.ts");
  const parsed = stateBodySchema.safeParse({
    pod_name: missing.podName,
    app_name: missing.appName,
    captured_at: "1970-01-01T00:00:00.000Z",
    state_version: STATE_VERSION,
    ...whole,
  });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue?.path.join(".") ?? "";
    throw new ShoalError("invalid_argument", `this is no state: ${field} ${issue?.message ?? ""}`, { field });
  }
  // The data as it was sent: a schema's copy leaves out keys such as `__proto__`, which may be a processor's words.
  const body: StateBody = { ...parsed.data, data: whole.data as StateData };
  if (body.state_version.split(".")[0] !== STATE_VERSION.split(".")[0]) {
    throw new ShoalError("invalid_argument", `state version ${body.state_version}, and ${STATE_VERSION} is known`, {
      field: "state_version",
    });
  }
  if (body.digest !== undefined && body.digest !== dataDigest(body.data)) {
    throw new ShoalError("invalid_argument", "the digest is not that of the data", { field: "digest" });
  }
  return body;
}

function parseObject(text: string): StateData {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw new ShoalError("malformed_json", `not JSON: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ShoalError("invalid_argument", "a state has to be a JSON object");
  }
  return value as StateData;
}

function bareData(value: StateData): StateData {
  if ("error" in value) {
    throw new ShoalError("invalid_argument", "this is an error answer, not a state", { field: "error" });
  }
  return value;
}

export type SealedHead = Omit<StateBody, "data" | "digest">;

export interface SealedState {
  readonly text: string;
  readonly bytes: number;
  readonly digest: string;
}

/**
 * Text of at most `maxBytes`. The data is turned to text once, for both its digest and the body. Throws `internal`: a state
 * that cannot be carried is the processor's fault.
 */
export function sealState(head: SealedHead, data: StateData, maxBytes: number): SealedState {
  let dataText: string | undefined;
  try {
    dataText = JSON.stringify(data);
  } catch (thrown) {
    throw new ShoalError("internal", `the state is not JSON: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (dataText?.startsWith("{") !== true) {
    throw new ShoalError("internal", "getState has to return a plain object that JSON can carry");
  }
  const digest = sha256Hex(dataText);
  const text = `${JSON.stringify({ ...head, digest }).slice(0, -1)},"data":${dataText}}`;
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) {
    throw new ShoalError("internal", `the state has ${bytes} bytes, and ${maxBytes} is the limit`, { field: "data" });
  }
  return { text, bytes, digest };
}
