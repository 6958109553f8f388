/** Who is at the other end of a request, for the limit on logins. */
import type { Context } from "hono";

/**
 * The socket's address, or, behind `trustedProxies` proxies that append to `X-Forwarded-For`, the entry that the outermost
 * of them wrote: whatever stands before it was sent by the client and proves nothing.
 */
export function addressOf(context: Context, trustedProxies: number): string {
  if (trustedProxies > 0) {
    const entries = (context.req.header("x-forwarded-for") ?? "").split(",").map((entry) => entry.trim());
    const entry = entries.at(-trustedProxies);
    if (entry !== undefined && entry !== "") return entry.slice(0, 64);
  }
  const env = context.env as
    | { readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } } }
    | undefined;
  return env?.incoming?.socket?.remoteAddress ?? "unknown";
}
