/** Cutting lists of ids and bodies into what one frame may hold. */
import { MAX_BODY, MAX_IDS } from "./exchanges.ts";

/** At most `MAX_IDS` at a time. */
export function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += MAX_IDS) yield items.slice(at, at + MAX_IDS);
}

/** Bodies in groups that one frame holds; one that is alone too large for it goes alone. */
export function* frames(bodies: readonly Uint8Array[]): Generator<readonly Uint8Array[]> {
  let group: Uint8Array[] = [];
  let size = 0;
  for (const body of bodies) {
    if (group.length > 0 && (size + body.length > MAX_BODY || group.length >= MAX_IDS)) {
      yield group;
      [group, size] = [[], 0];
    }
    group.push(body);
    size += body.length;
  }
  if (group.length > 0) yield group;
}

/** The first of what was asked for that one frame holds, at least one. */
export function prefix(bodies: readonly (Uint8Array | undefined)[]): readonly (Uint8Array | undefined)[] {
  let size = 0;
  const end = bodies.findIndex((body, at) => (size += body?.length ?? 0) > MAX_BODY && at > 0);
  return end === -1 ? bodies : bodies.slice(0, end);
}
