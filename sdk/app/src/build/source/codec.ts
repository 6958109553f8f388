/** Generated code that reads and writes JSON: the two members that a class marked @json or @event gets, and the loop over an object's members. */
import type { ClassModel, Field } from "./model.ts";

export function codecOf(model: ClassModel): string {
  const fields = model.fields.filter(({ isStatic }) => !isStatic);
  return `${encoder(fields)} ${decoder(fields)} `;
}

function encoder(fields: readonly Field[]): string {
  const members = fields.map(({ name, type }, at) => {
    const label = JSON.stringify(`${at === 0 ? "{" : ","}"${name}":`);
    return `__w.raw(${label}); __shoal.encode<${type.text}>(__w, this.${name});`;
  });
  const open = fields.length === 0 ? `__w.raw("{");` : "";
  return `__encode(__w: __shoal.Writer): void { ${open}${members.join(" ")} __w.byte(0x7d); }`;
}

/** Members may come in any order; those with a default or null may be missing. Fields may be read-only, so they are stored to. */
function decoder(fields: readonly Field[]): string {
  const set = ({ name, type }: Field, value: string): string =>
    `store<${type.text}>(changetype<usize>(this), ${value}, offsetof<this>("${name}"));`;
  const defaults = fields.flatMap((field) => (field.fallback === undefined ? [] : [set(field, `(${field.fallback})`)]));
  const demands = fields.flatMap((field, at) =>
    field.fallback !== undefined || field.type.nullable ? [] : [demandOf(field.name, at)],
  );
  const cases = fields.map((field, at) =>
    caseOf(field.name, at, set(field, `__shoal.decode<${field.type.text}>(__r)`)),
  );
  return `__decode(__r: __shoal.Reader): void { ${defaults.join(" ")} __r.openObject(); ${membersOf(cases)} ${demands.join(" ")} }`;
}

/** Reads the members of an object that is open on `__r`; each case is an `if`, and what none takes is unknown. */
export function membersOf(cases: readonly string[]): string {
  const choice = [...cases, "__r.unknown();"].join(" else ");
  return `let __seen: u64 = 0; let __first = true; while (__r.nextMember(__first)) { __first = false; ${choice} }`;
}

/** The case of one member: `read` takes its value from `__r`. */
export function caseOf(name: string, at: number, read: string): string {
  return `if (__r.is("${name}")) { __r.enter("${name}"); ${read} __r.leave(); __seen |= ${bit(at)}; }`;
}

/** Ends the call where the member was not there. */
export function demandOf(name: string, at: number): string {
  return `if (!(__seen & ${bit(at)})) __r.missing("${name}");`;
}

/** Members and parameters are counted in the bits of a u64. */
export const MEMBERS_MAX = 64;

/** One bit for each member. */
function bit(at: number): string {
  return `(<u64>1 << ${at})`;
}
