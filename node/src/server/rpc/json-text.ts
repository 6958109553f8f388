/**
 * JSON without loss. A guest's u64 has more digits than JavaScript's numbers hold, and what passes through here is not ours
 * to round: numbers that would come out otherwise than they came in are kept as their source text.
 */

interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}
/** In the engine, but not yet in the library of types. */
const exact = JSON as unknown as ExactJson;

/** 16 digits in a row may be beyond 2^53, an exponent beyond 10^308; text that has neither is parsed the quick way. */
const SUSPECT = /[0-9.]{16}|[0-9][eE]/;

/** Throws `SyntaxError` where the text is no JSON. */
export function parseExactly(text: string): unknown {
  if (!SUSPECT.test(text)) return JSON.parse(text);
  return exact.parse(text, (_, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? exact.rawJSON(source) : value,
  );
}
