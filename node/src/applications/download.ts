/** What is installed from a URL: http and https only, a few redirects, and the caller's signal ends it. */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";

export const REDIRECTS_MAX = 5;

const refuse = (why: string, cause?: unknown): ShoalError =>
  new ShoalError("invalid_argument", why, { field: "url", cause });

/**
 * The content at `url`, as it comes. Throws `invalid_argument` where the URL is none of ours or answers with a refusal,
 * `unavailable` where nobody answers or the server fails, `payload_too_large` where it announces more than `maxBytes`.
 */
export async function download(url: string, maxBytes: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  let at = checkedUrl(url);
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const response = await request(at, signal);
    const location = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel();
      at = checkedUrl(location, at);
      continue;
    }
    return contentOf(response, maxBytes, signal);
  }
  throw refuse(`the URL leads through more than ${REDIRECTS_MAX} redirects`);
}

function checkedUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null) throw refuse("not a URL");
  if (url.protocol !== "http:" && url.protocol !== "https:") throw refuse(`${url.protocol} is not http: or https:`);
  if (url.username !== "" || url.password !== "") throw refuse("a URL with a password in it is not accepted");
  return url;
}

async function request(url: URL, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { redirect: "manual", signal, headers: { accept: "*/*" } });
  } catch (cause) {
    signal.throwIfAborted();
    throw new ShoalError("unavailable", `cannot download from ${url.host}: ${reasonOf(cause)}`, {
      field: "url",
      cause,
    });
  }
}

async function contentOf(
  response: Response,
  maxBytes: number,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    const said = `the URL answers with status ${response.status}`;
    throw response.status >= 500 ? new ShoalError("unavailable", said, { field: "url" }) : refuse(said);
  }
  if (Number(response.headers.get("content-length") ?? 0) > maxBytes) {
    await response.body.cancel();
    throw new ShoalError("payload_too_large", `the content has more than ${maxBytes} bytes`, { field: "url" });
  }
  return read(response.body, signal);
}

async function* read(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of body) yield piece;
  } catch (cause) {
    signal.throwIfAborted();
    throw new ShoalError("unavailable", `the download broke off: ${reasonOf(cause)}`, { field: "url", cause });
  }
}

/** `fetch failed` has the reason as its cause. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  return messageOf(cause) || "no answer";
}
