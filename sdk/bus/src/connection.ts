/** One connection to the broker, opened with a deadline; what goes wrong in it is a `ShoalError`, never a bare text. */
import { connect, type ChannelModel } from "amqplib";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";

/** Throws `invalid_argument` for what is no amqp(s) URL, and `unavailable` where the broker is not there or refuses. */
export async function openConnection(url: string, name: string, within: DurationMs): Promise<ChannelModel> {
  if (!/^amqps?:\/\/[^\s/]+/.test(url)) {
    throw new ShoalError("invalid_argument", "the bus needs an amqp(s):// URL", { field: "url" });
  }
  try {
    return await connect(url, { timeout: within, noDelay: true, clientProperties: { connection_name: name } });
  } catch (thrown) {
    throw busUnavailable(thrown);
  }
}

export function busUnavailable(cause: unknown): ShoalError {
  return new ShoalError("unavailable", `the bus: ${messageOf(cause)}`, { cause });
}
