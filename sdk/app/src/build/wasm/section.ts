/** Custom sections: what rides in a module without being run. */
import { joined, leb, moduleOf, SECTION, sectionsOf } from "./binary.ts";

/** `module` with a custom section behind all others. */
export function withSection(module: Uint8Array, name: string, content: Uint8Array): Uint8Array {
  const label = new TextEncoder().encode(name);
  const body = joined([Uint8Array.from(leb(label.length)), label, content]);
  return moduleOf(module, [...sectionsOf(module), { id: SECTION.custom, body }]);
}
