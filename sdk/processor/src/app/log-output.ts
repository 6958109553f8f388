/** Output of a processor that was given no bus, on a developer's machine: each event is a line of its log. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Output } from "./output.ts";

export function logOutput(log: Log): Output {
  let sequence = 0;
  return {
    connect: () => {
      log.warn({}, "DORY_RABBITMQ_URL is not set: events are written to this log and nowhere else");
      return Promise.resolve();
    },
    publish: (event) => {
      sequence++;
      log.info({ sequence, ...event }, "event");
      return Promise.resolve();
    },
    drain: () => Promise.resolve(0),
    close: () => Promise.resolve(),
    capture: () => ({ sequence }),
    restore: (captured) => {
      if (typeof captured !== "object" || captured === null || !("sequence" in captured)) return;
      if (typeof captured.sequence === "number") sequence = captured.sequence;
    },
  };
}
