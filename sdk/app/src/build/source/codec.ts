/** The two members that a class marked @json or @event gets: how it is written as JSON, and read. */
import type { ClassModel, Field } from "./model.ts";

export function codecOf(model: ClassModel): string {
  const fields = model.fields.filter(({ isStatic }) => !isStatic);
  return `${encoder(fields)} ${decoder(fields)} `;
}

function encoder(fields: readonly Field[]): string {
  const members = fields.map(({ name, type }, at) => {
    const label = JSON.stringify(`${at === 0 ? "{" : ","}"${name}":`);
    return `w.raw(${label}); __shoal.encode<${type.text}>(w, this.${name});`;
  });
  const open = fields.length === 0 ? `w.raw("{");` : "";
  return `__encode(w: __shoal.Writer): void { ${open}${members.join(" ")} w.byte(0x7d); }`;
}

/** Members may come in any order; those with a default or null may be missing. Fields may be read-only, so they are stored to. */
function decoder(fields: readonly Field[]): string {
  const set = ({ name, type }: Field, value: string): string =>
    `store<${type.text}>(changetype<usize>(this), ${value}, offsetof<this>("${name}"));`;
  const defaults = fields.flatMap((field) => (field.fallback === undefined ? [] : [set(field, `(${field.fallback})`)]));
  const cases = fields.map((field, at) => {
    const read = set(field, `__shoal.decode<${field.type.text}>(r)`);
    return `if (r.is("${field.name}")) { r.enter("${field.name}"); ${read} r.leave(); seen |= ${bit(at)}; }`;
  });
  const demands = fields.flatMap((field, at) =>
    field.fallback !== undefined || field.type.nullable
      ? []
      : [`if (!(seen & ${bit(at)})) r.missing("${field.name}");`],
  );
  return (
    `__decode(r: __shoal.Reader): void { ${defaults.join(" ")} let seen: u64 = 0; let first = true; r.openObject(); ` +
    `while (r.nextMember(first)) { first = false; ${[...cases, "r.unknown();"].join(" else ")} } ${demands.join(" ")} }`
  );
}

/** One bit for each member. */
export function bit(at: number): string {
  return `(<u64>1 << ${at})`;
}
