/** Names a request: its id, its trace, and where it comes from. Nothing a client sends is taken over unless it is sane. */
import type { Context } from "hono";
import { makeId } from "@shoal/shared/base/ids.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { RequestFacts } from "../call.ts";

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
/** https://www.w3.org/TR/trace-context/: version, trace id, parent id, flags. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

export function factsOf(context: Context, random: Random, trustedProxies: number): RequestFacts {
  const request = context.req.raw;
  const header = (name: string): string | undefined => request.headers.get(name) ?? undefined;
  const given = header("x-request-id");
  const trace = TRACEPARENT.exec(header("traceparent") ?? "")?.[1];
  return {
    requestId: given !== undefined && REQUEST_ID.test(given) ? given : makeId("request", random),
    traceId: trace ?? Buffer.from(random.bytes(16)).toString("hex"),
    address: addressOf(context, header("x-forwarded-for"), trustedProxies),
    request,
    header,
    signal: request.signal,
  };
}

/** The proxies in front append the address they saw; only as many entries from the right as there are proxies are true. */
function addressOf(context: Context, forwarded: string | undefined, trustedProxies: number): string {
  const hops = forwarded?.split(",") ?? [];
  const told = trustedProxies > 0 ? hops.at(-trustedProxies)?.trim() : undefined;
  if (told !== undefined && told !== "") return told.slice(0, 64);
  const env = context.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  return env?.incoming?.socket?.remoteAddress ?? "unknown";
}
