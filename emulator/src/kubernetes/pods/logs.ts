/** A container's log, passed through from its kubelet as it comes. */
import { get, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { ApiFailure } from "../status.ts";
import type { Target } from "../writes.ts";
import { wholeNumber, type Api, type Call } from "../http/call.ts";
import { kubeletOf, unreachable, type KubeletAt } from "./kubelet.ts";

const PASSED = ["follow", "previous", "timestamps", "tailLines", "sinceSeconds"];

export async function streamLog(api: Api, target: Target, call: Call, response: ServerResponse): Promise<undefined> {
  wholeNumber(call.query, "tailLines");
  wholeNumber(call.query, "sinceSeconds", 1);
  const limit = wholeNumber(call.query, "limitBytes", 1);
  const at = kubeletOf(api, target, call.query);
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const answer = await ask(at, call.query, gone.signal);
  response.writeHead(200, { "content-type": "text/plain" });
  response.flushHeaders();
  try {
    await pass(answer, response, limit);
    response.end();
  } catch {
    // Either the reader has left, or the kubelet was cut: what was not sent must not look like the end.
    response.destroy();
  } finally {
    gone.abort();
  }
}

async function ask(at: KubeletAt, query: URLSearchParams, signal: AbortSignal): Promise<IncomingMessage> {
  const { namespace = "", name } = at.pod.metadata;
  const passed = new URLSearchParams([...query].filter(([key]) => PASSED.includes(key)));
  const path = [namespace, name, at.container].map(encodeURIComponent).join("/");
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = get(`http://${at.host}:${at.port}/containerLogs/${path}?${passed.toString()}`, { signal }, resolve);
    request.on("error", (thrown) => reject(unreachable(at, thrown)));
  });
  if (answer.statusCode !== 200) throw new ApiFailure(400, "BadRequest", await text(answer));
  return answer;
}

async function pass(
  body: AsyncIterable<Buffer>,
  response: ServerResponse,
  limit = Number.POSITIVE_INFINITY,
): Promise<void> {
  let left = limit;
  for await (const chunk of body) {
    const part = chunk.subarray(0, Math.min(chunk.length, left));
    left -= part.length;
    if (!response.write(part)) await drained(response);
    if (left <= 0) return;
  }
}

async function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const close = (): void => reject(new Error("the reader has left"));
    response.once("close", close);
    response.once("drain", () => {
      response.off("close", close);
      resolve();
    });
  });
}
