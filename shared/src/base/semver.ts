/** Versions as semver.org 2.0.0 orders them: what decides whether one bundle is newer than another. */

const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

/** Characters of a version, so that nobody's text is matched for long. */
export const SEMVER_MAX_LENGTH = 128;

/** Whether `text` is a version such as `1.4.0` or `2.0.0-rc.1+build.5`. */
export function isSemver(text: string): boolean {
  return text.length <= SEMVER_MAX_LENGTH && SEMVER.test(text);
}

/**
 * Below zero where `a` comes before `b`, above where after, zero where neither (build metadata counts for nothing). What is
 * no version comes before every version, and among its like in the order of its characters: a list sorts whatever it holds.
 */
export function compareSemver(a: string, b: string): number {
  const left = parsed(a);
  const right = parsed(b);
  if (left === undefined || right === undefined) {
    if (left === undefined && right === undefined) return order(a, b);
    return left === undefined ? -1 : 1;
  }
  for (let at = 0; at < 3; at++) {
    const by = numeric(left.core[at] ?? "0", right.core[at] ?? "0");
    if (by !== 0) return by;
  }
  return comparePrerelease(left.prerelease, right.prerelease);
}

function parsed(
  text: string,
): { readonly core: readonly string[]; readonly prerelease: readonly string[] } | undefined {
  const match = text.length <= SEMVER_MAX_LENGTH ? SEMVER.exec(text) : null;
  if (match === null) return undefined;
  return { core: match.slice(1, 4), prerelease: match[4]?.split(".") ?? [] };
}

/** A release comes after its own candidates; of two candidates the first identifier that differs decides, then the longer. */
function comparePrerelease(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length);
  for (const [at, left] of a.entries()) {
    const right = b[at];
    if (right === undefined) return 1;
    const by = identifiers(left, right);
    if (by !== 0) return by;
  }
  return a.length === b.length ? 0 : -1;
}

function identifiers(a: string, b: string): number {
  const numbers = [a, b].map((text) => /^\d+$/.test(text));
  if (numbers[0] && numbers[1]) return numeric(a, b);
  if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1;
  return order(a, b);
}

/** Numbers without leading zeros, of any length: the longer is the greater. */
function numeric(a: string, b: string): number {
  return a.length === b.length ? order(a, b) : Math.sign(a.length - b.length);
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
