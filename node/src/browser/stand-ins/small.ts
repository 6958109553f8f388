/** The small things of `node:perf_hooks`, `node:net`, `node:os` and `node:url` that the node's rooms ask for. */
export const performance = globalThis.performance;

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
/** What an IPv6 address is written with, a zone behind it. */
const IPV6 = /^([0-9A-Fa-f:.]+)(?:%[0-9A-Za-z.-]+)?$/;

export const isIPv4 = (text: string): boolean => IPV4.test(text);
export function isIPv6(text: string): boolean {
  const address = IPV6.exec(text)?.[1];
  return address !== undefined && URL.canParse(`http://[${address}]/`);
}
export const isIP = (text: string): 0 | 4 | 6 => (isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0);

export const { URL, URLSearchParams } = globalThis;
export const fileURLToPath = (url: string | URL): string => new URL(url).pathname;
