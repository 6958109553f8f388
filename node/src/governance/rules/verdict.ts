/** What is said of an op in a log. */
import type { Refusal } from "./case.ts";

export interface Refused {
  readonly refused: Refusal;
  readonly because: string;
}

/**
 * `cut`: refused on the state of its ancestors, for ever. `concurrent`: void by a removal that its signer had not seen.
 * `order`: refused where it stands among the ops that count. The latter two may change while concurrent ops arrive.
 */
export type OpVerdict = { readonly effective: true } | (Refused & { readonly at: "cut" | "concurrent" | "order" });

export const EFFECTIVE: OpVerdict = { effective: true };
