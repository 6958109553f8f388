/**
 * `Buffer` as browsers have it by its own package, with the one encoding that the package lacks, base64url, and with bytes that
 * are no UTF-8 read as Node and browsers read them: what a guest is told may not depend on where it runs.
 */
import { Buffer } from "buffer/";

type From = (value: unknown, encoding?: unknown, length?: unknown) => Buffer;
type ToText = (this: Buffer, encoding?: string, start?: number, end?: number) => string;

const from: From = Buffer.from.bind(Buffer) as From;
const isEncoding = Buffer.isEncoding.bind(Buffer);
const toText = Object.getOwnPropertyDescriptor(Buffer.prototype, "toString")?.value as ToText;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

const isUrl = (encoding: unknown): boolean => typeof encoding === "string" && encoding.toLowerCase() === "base64url";

Object.assign(Buffer, {
  // Its decoder takes both alphabets, and text without padding.
  from: (value: unknown, encoding?: unknown, length?: unknown) =>
    from(value, isUrl(encoding) ? "base64" : encoding, length),
  isEncoding: (encoding: unknown) => isUrl(encoding) || isEncoding(encoding as string),
});
Object.assign(Buffer.prototype, {
  toString(this: Buffer, encoding?: string, start?: number, end?: number): string {
    if (encoding === undefined || /^utf-?8$/i.test(encoding)) return utf8.decode(this.subarray(start, end));
    if (!isUrl(encoding)) return toText.call(this, encoding, start, end);
    const text = toText.call(this, "base64", start, end);
    return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  },
});

export { Buffer };
export default { Buffer };
