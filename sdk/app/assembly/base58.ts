/** Base58 of 32 bytes: how people and identities are named on every face of the node. */
import { fail } from "./failure";

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BYTES = 32;
const DIGITS_MAX = 44;

export function base58Of(address: usize): string {
  const digits = new StaticArray<u8>(DIGITS_MAX);
  let count = 0;
  let text = "";
  for (let i = 0; i < BYTES; i++) {
    let carry = <u32>load<u8>(address + i);
    if (carry == 0 && count == 0) text += "1";
    for (let j = 0; j < count; j++) {
      carry += (<u32>digits[j]) << 8;
      digits[j] = <u8>(carry % 58);
      carry /= 58;
    }
    while (carry > 0) {
      digits[count++] = <u8>(carry % 58);
      carry /= 58;
    }
  }
  for (let i = count - 1; i >= 0; i--) text += ALPHABET.charAt(digits[i]);
  return text;
}

/** Address of the 32 bytes that `text` names; ends the call with `invalid_argument` where it names none. */
export function base58Bytes(text: string): usize {
  const address = heap.alloc(BYTES);
  memory.fill(address, 0, BYTES);
  let lost = text.length > DIGITS_MAX;
  for (let i = 0; i < text.length && !lost; i++) {
    const digit = ALPHABET.indexOf(text.charAt(i));
    let carry = <u32>digit;
    for (let j = BYTES - 1; j >= 0; j--) {
      carry += <u32>load<u8>(address + j) * 58;
      store<u8>(address + j, <u8>carry);
      carry >>= 8;
    }
    lost = digit < 0 || carry > 0;
  }
  if (lost || base58Of(address) != text) fail("expected base58 of 32 bytes: " + text, "invalid_argument");
  return address;
}
