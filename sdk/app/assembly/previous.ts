/** How a migration reaches what the version before kept. */
import { sha256 } from "./sha256";

/** A field of the state as the version before declared it: its name, and its type as the type argument. */
export function previous<T>(name: string): T {
  const text = String.UTF8.encode("shoal.collection:" + name);
  return instantiate<T>(sha256(changetype<usize>(text), text.byteLength));
}
