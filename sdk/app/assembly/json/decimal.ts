/**
 * The double that is nearest to a decimal, ties to even, as every reader of JSON takes it; the standard library's is off by one
 * place now and then. An estimate within a few places comes first; then the decimal is compared, in whole numbers, with the
 * points half-way to its neighbours, until it lies between them (Clinger's algorithm R).
 */

/** Characters of a number; what is longer is not read as one. */
export const NUMBER_MAX_LENGTH = 400;

/** Two whole numbers, in limbs of 32 bits: room for 400 digits times 2^1076, and for 10^800 times 2^1030. */
const LEFT = memory.data(640, 8);
const RIGHT = memory.data(640, 8);

/** Beyond these, what is left of 400 digits is zero or no double any more. */
const EXPONENT_BOUND = 1000;

/** Reads `-12.5e-3`, which has been found to be well-formed and is no longer than `NUMBER_MAX_LENGTH`. */
export function parseDecimal(address: usize, length: i32): f64 {
  const negative = load<u8>(address) == 0x2d;
  const value = parseMagnitude(negative ? address + 1 : address, address + length);
  return negative ? -value : value;
}

function parseMagnitude(start: usize, end: usize): f64 {
  let digits: u64 = 0;
  let dropped = 0;
  let exponent = 0;
  let fraction = false;
  let at = start;
  for (; at < end; at++) {
    const byte = load<u8>(at);
    if (byte == 0x2e) {
      fraction = true;
      continue;
    }
    if ((byte | 0x20) == 0x65) break;
    if (fraction) exponent -= 1;
    if (digits >= 1_000_000_000_000_000_000) dropped += 1;
    else digits = digits * 10 + <u64>(byte - 0x30);
  }
  const mantissaEnd = at;
  exponent += parseExponent(at + 1, end);
  if (digits == 0) return 0;
  const scale = exponent + dropped;
  if (scale < -EXPONENT_BOUND) return 0;
  if (scale > EXPONENT_BOUND) return Infinity;
  // Both parts are exact, so one operation rounds once.
  if (dropped == 0 && digits <= 1 << 53 && scale >= -22 && scale <= 22) return scaled(<f64>digits, scale);
  return nearest(start, mantissaEnd, exponent, scaled(<f64>digits, scale));
}

function parseExponent(at: usize, end: usize): i32 {
  let value = 0;
  let negative = false;
  for (; at < end; at++) {
    const byte = load<u8>(at);
    if (byte == 0x2d) negative = true;
    else if (byte != 0x2b) value = min(value * 10 + (<i32>byte - 0x30), 10 * EXPONENT_BOUND);
  }
  return negative ? -value : value;
}

/** `value` times a power of ten, in steps whose powers are exact. */
function scaled(value: f64, exponent: i32): f64 {
  while (exponent != 0) {
    const step = min(abs(exponent), 22);
    let power: f64 = 1;
    for (let i = 0; i < step; i++) power *= 10;
    value = exponent > 0 ? value * power : value / power;
    exponent += exponent > 0 ? -step : step;
  }
  return value;
}

function nearest(start: usize, end: usize, exponent: i32, estimate: f64): f64 {
  let bits = reinterpret<u64>(min(estimate, f64.MAX_VALUE));
  while (bits < 0x7ff0_0000_0000_0000) {
    const field = <i32>(bits >> 52);
    const fraction = bits & 0x000f_ffff_ffff_ffff;
    const mantissa = field == 0 ? fraction : fraction | 0x0010_0000_0000_0000;
    const power = field == 0 ? -1074 : field - 1075;
    const above = compare(start, end, exponent, 2 * mantissa + 1, power - 1);
    if (above > 0 || (above == 0 && (mantissa & 1) == 1)) {
      bits += 1;
      if (above == 0) break;
      continue;
    }
    if (above == 0 || mantissa == 0) break;
    // Below a power of two the neighbour is half as far away.
    const narrow = fraction == 0 && field > 1;
    const below = narrow
      ? compare(start, end, exponent, 4 * mantissa - 1, power - 2)
      : compare(start, end, exponent, 2 * mantissa - 1, power - 1);
    if (below > 0 || (below == 0 && (mantissa & 1) == 0)) break;
    bits -= 1;
    if (below == 0) break;
  }
  return reinterpret<f64>(bits);
}

/** How the digits times 10^exponent compare with `factor` times 2^power: below zero, zero or above. */
function compare(start: usize, end: usize, exponent: i32, factor: u64, power: i32): i32 {
  let left = 0;
  for (let at = start; at < end; at++) {
    const byte = load<u8>(at);
    if (byte != 0x2e) left = multiply(LEFT, left, 10, byte - 0x30);
  }
  store<u64>(RIGHT, factor);
  let right = 2;
  if (exponent > 0) left = multiplyByTens(LEFT, left, exponent);
  else right = multiplyByTens(RIGHT, right, -exponent);
  if (power > 0) right = shift(RIGHT, right, power);
  else left = shift(LEFT, left, -power);
  for (let limb = max(left, right) - 1; limb >= 0; limb--) {
    const one = limb < left ? load<u32>(LEFT + ((<usize>limb) << 2)) : 0;
    const other = limb < right ? load<u32>(RIGHT + ((<usize>limb) << 2)) : 0;
    if (one != other) return one > other ? 1 : -1;
  }
  return 0;
}

/** `number * factor + carry`, in place; the limbs that it has then. */
function multiply(number: usize, limbs: i32, factor: u64, carry: u64): i32 {
  for (let limb = 0; limb < limbs; limb++) {
    const at = number + ((<usize>limb) << 2);
    const product = <u64>load<u32>(at) * factor + carry;
    store<u32>(at, <u32>product);
    carry = product >> 32;
  }
  if (carry == 0) return limbs;
  store<u32>(number + ((<usize>limbs) << 2), <u32>carry);
  return limbs + 1;
}

function multiplyByTens(number: usize, limbs: i32, exponent: i32): i32 {
  for (; exponent >= 9; exponent -= 9) limbs = multiply(number, limbs, 1_000_000_000, 0);
  for (; exponent > 0; exponent--) limbs = multiply(number, limbs, 10, 0);
  return limbs;
}

function shift(number: usize, limbs: i32, places: i32): i32 {
  const whole = places >> 5;
  memory.copy(number + ((<usize>whole) << 2), number, (<usize>limbs) << 2);
  memory.fill(number, 0, (<usize>whole) << 2);
  return multiply(number, limbs + whole, 1 << (places & 31), 0);
}
