/** Values of config.toml that more than one section has: addresses, spans, whole numbers, paths. */
import { isIPv4, isIPv6 } from "node:net";
import { base58 } from "@scure/base";
import { z } from "zod";
import { milliseconds, seconds, type DurationMs } from "@shoal/shared/base/time.ts";

/** A whole number within bounds. */
export const whole = (least: number, most: number): z.ZodNumber => z.number().int().min(least).max(most);

const YEAR_SECONDS = 365 * 86_400;

export const spanMs = (least: number): z.ZodType<DurationMs, number> =>
  whole(least, YEAR_SECONDS * 1000).transform((n) => milliseconds(n));

export const spanSeconds = (least: number): z.ZodType<DurationMs, number> =>
  whole(least, YEAR_SECONDS).transform((n) => seconds(n));

/** Upstream writes some spans as a table of seconds and nanoseconds; a number of seconds will do. */
export const spanTable = z.union(
  [
    spanSeconds(1),
    z.strictObject({ secs: spanSeconds(1), nanos: whole(0, 0).default(0) }).transform(({ secs }) => secs),
  ],
  { error: "expected whole seconds, or { secs, nanos = 0 }" },
);

/** Relative paths are taken from the node's own directory. */
export const path = z
  .string()
  .min(1)
  .max(4096)
  .refine((text) => !text.includes("\0"), "has a NUL character");

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

/** What a component of a multiaddress takes; undefined: nothing. */
const COMPONENTS: Readonly<Record<string, ((value: string) => boolean) | undefined>> = {
  ip4: isIPv4,
  ip6: isIPv6,
  dns: (value) => HOST_NAME.test(value),
  dns4: (value) => HOST_NAME.test(value),
  dns6: (value) => HOST_NAME.test(value),
  dnsaddr: (value) => HOST_NAME.test(value),
  tcp: isPort,
  udp: isPort,
  p2p: isPeerId,
  quic: undefined,
  "quic-v1": undefined,
  ws: undefined,
  wss: undefined,
  tls: undefined,
  "p2p-circuit": undefined,
};

function isPeerId(text: string): boolean {
  if (!/^(12D3Koo|16Uiu2H|Qm)/.test(text) || text.length > 64) return false;
  try {
    return base58.decode(text).length > 0;
  } catch {
    return false;
  }
}

export interface Component {
  readonly name: string;
  readonly value: string;
}

/** The parts of `/name/value/...`; undefined where the text is no multiaddress that we know. */
export function componentsOf(text: string): readonly Component[] | undefined {
  const [before, ...words] = text.split("/");
  if (before !== "" || words.length === 0 || text.length > 1024) return undefined;
  const found: Component[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const name = words[at] ?? "";
    if (!Object.hasOwn(COMPONENTS, name)) return undefined;
    const takes = COMPONENTS[name];
    const value = takes === undefined ? "" : (words[(at += 1)] ?? "");
    if (takes !== undefined && !takes(value)) return undefined;
    found.push({ name, value });
  }
  return found;
}

export const multiaddress = z
  .string()
  .refine((text) => componentsOf(text) !== undefined, "expected a multiaddress such as /ip4/127.0.0.1/tcp/2428");

export const peerAddress = multiaddress.refine(
  (text) => componentsOf(text)?.at(-1)?.name === "p2p",
  "expected a multiaddress that ends with /p2p/ and the peer's id",
);

/** Host and port of an address that HTTP is served on. */
export const listenAddress = z.string().transform((text, context) => {
  const [host, port, ...rest] = componentsOf(text) ?? [];
  const isHost = host !== undefined && /^(ip4|ip6|dns|dns4|dns6)$/.test(host.name);
  if (isHost && port?.name === "tcp" && rest.length === 0) return { host: host.value, port: Number(port.value) };
  context.addIssue({ code: "custom", message: "expected an address such as /ip4/127.0.0.1/tcp/2528" });
  return z.NEVER;
});

/** Whether the node carries it: TCP, and WebSocket over it. */
export function isCarried(address: string): boolean {
  const names = (componentsOf(address) ?? []).map(({ name }) => name);
  return names[1] === "tcp" && names.slice(2).every((name) => name === "ws");
}
