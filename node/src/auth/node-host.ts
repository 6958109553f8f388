/** Tokens may be bound to one node: then the request has to be addressed to that host. */
import { AuthRefusal } from "./failure.ts";

/** The URL that a client's name is, where it is one: that is how clients say which node they mean. */
export function nodeUrlOf(clientName: string | undefined): string | undefined {
  const url = clientName === undefined ? null : URL.parse(clientName);
  return url !== null && /^https?:$/.test(url.protocol) ? clientName : undefined;
}

/** Throws `invalid_node`. `nodeHost` is this node's configured host; without it the request's own says where it was sent. */
export function checkNode(nodeUrl: string | undefined, request: Request, nodeHost: string | undefined): void {
  if (nodeUrl === undefined) return;
  const wanted = hostnameOf(nodeUrl);
  const found = hostnameOf(`http://${nodeHost ?? requestHost(request)}`);
  if (wanted === undefined || wanted !== found)
    throw new AuthRefusal("invalid_node", "the token is bound to another node than this one");
}

function requestHost(request: Request): string {
  const named = request.headers.get("x-forwarded-host") ?? request.headers.get("host");
  return named ?? URL.parse(request.url)?.host ?? "";
}

/** Names only: proxies change ports. */
const hostnameOf = (url: string): string | undefined => URL.parse(url)?.hostname.toLowerCase();
