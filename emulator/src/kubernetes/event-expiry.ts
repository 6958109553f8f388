/** Events are kept for an hour after they were last written, as by a real API. Looked at when new ones come, never in idleness. */
import { hours, minutes, plus } from "@shoal/shared/base/time.ts";
import { keyOf, textAt, type ApiObject } from "./object.ts";
import type { WriteContext } from "./writes.ts";

const KEPT_FOR = hours(1);
const AT_MOST_EVERY = minutes(1);

export function expireEvents(context: WriteContext): { stop(): void } {
  const { store, clock } = context;
  let next = clock.now();
  const sweep = (): void => {
    const now = clock.now();
    for (const { object } of store.list("events")) {
      if (now - lastWritten(object) > KEPT_FOR) store.remove("events", keyOf(object));
    }
  };
  const leave = store.listen("events", ({ type }) => {
    if (type !== "ADDED" || clock.now() < next) return;
    next = plus(clock.now(), AT_MOST_EVERY);
    // Not within the write that brought it: others have yet to hear of that one.
    setImmediate(sweep);
  });
  return { stop: leave };
}

function lastWritten(event: ApiObject): number {
  const times = [textAt(event, "lastTimestamp"), textAt(event, "eventTime"), event.metadata.creationTimestamp];
  return Math.max(...times.map((text) => Date.parse(text ?? "") || 0));
}
