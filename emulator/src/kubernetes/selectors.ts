/** Label and field selectors of a query, parsed once per request into a test. Set syntax included. Pure. */
import { badRequest } from "./status.ts";
import { wordAt, type ApiObject } from "./object.ts";

export type Matches = (object: ApiObject) => boolean;

const EVERYTHING: Matches = () => true;

const KEY = "[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?";
const VALUE = "([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?";
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`);
const EQUALITY = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*(${VALUE})$`);
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^)]*)\\)$`);
const ORDER = new RegExp(`^(${KEY})\\s*([<>])\\s*(-?\\d+)$`);

export function labelSelector(text: string | null): Matches {
  if (text === null || text.trim() === "") return EVERYTHING;
  const tests = splitOutsideParentheses(text).map((part) => labelTest(part.trim()));
  return (object) => {
    const labels = object.metadata.labels ?? {};
    return tests.every((test) => test(labels));
  };
}

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

function labelTest(part: string): LabelTest {
  const set = SET.exec(part);
  if (set !== null) {
    const [, key = "", , operator = "", inside = ""] = set;
    const values = new Set(inside.split(",").map((value) => value.trim()));
    const isIn: LabelTest = (labels) => labels[key] !== undefined && values.has(labels[key]);
    return operator === "in" ? isIn : (labels) => !isIn(labels);
  }
  const equality = EQUALITY.exec(part);
  if (equality !== null) {
    const [, key = "", , operator = "", value = ""] = equality;
    return operator === "!=" ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
  }
  const order = ORDER.exec(part);
  if (order !== null) {
    const [, key = "", , operator = "", bound = ""] = order;
    const compare = operator === ">" ? (a: number, b: number) => a > b : (a: number, b: number) => a < b;
    return (labels) => labels[key] !== undefined && compare(Number(labels[key]), Number(bound));
  }
  const exists = EXISTS.exec(part);
  if (exists === null) throw badRequest(`unable to parse requirement: found '${part}', expected a label requirement`);
  const [, not = "", key = ""] = exists;
  return (labels) => (labels[key] !== undefined) !== (not === "!");
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "(") depth++;
    if (text[i] === ")") depth--;
    if (text[i] === "," && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** `supported`: the paths that this kind can be asked by. Fields that are not set count as the empty text. */
export function fieldSelector(text: string | null, supported: readonly string[]): Matches {
  if (text === null || text.trim() === "") return EVERYTHING;
  const tests = text.split(",").map((part): Matches => {
    const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(part.trim());
    if (match === null) throw badRequest(`invalid field selector: can't understand '${part}'`);
    const [, field = "", operator = "", value = ""] = match;
    if (!supported.includes(field)) throw badRequest(`field label not supported: ${field}`);
    const path = field.split(".");
    const equal: Matches = (object) => (wordAt(object, ...path) ?? DEFAULTS[field] ?? "") === value;
    return operator === "!=" ? (object) => !equal(object) : equal;
  });
  return (object) => tests.every((test) => test(object));
}

/** What an absent field counts as. */
const DEFAULTS: Readonly<Record<string, string>> = { "spec.unschedulable": "false" };

export function bothOf(a: Matches, b: Matches): Matches {
  if (a === EVERYTHING) return b;
  return b === EVERYTHING ? a : (object) => a(object) && b(object);
}
