/**
 * State in an S3-compatible bucket: `{prefix}/{id}/state.json`. Writes are conditional on the ETag that was read
 * (`If-Match`, `If-None-Match: *`). A service that does not know conditional writes (501) is asked for the ETag right before
 * the write instead; that narrows the race and does not close it, so the log says so once.
 */
import { AwsClient } from "aws4fetch";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { S3Bucket } from "../config/config.ts";
import type { DocumentName, StateBackend } from "./backend.ts";

const MAX_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 20_000;

export function s3Backend(bucket: S3Bucket, processorId: string, log: Log): StateBackend {
  const client = new AwsClient({
    accessKeyId: bucket.accessKeyId,
    secretAccessKey: bucket.secretAccessKey.reveal(),
    ...(bucket.sessionToken === undefined ? {} : { sessionToken: bucket.sessionToken.reveal() }),
    service: "s3",
    region: bucket.region,
    // Who calls decides about tries, by the code of the error.
    retries: 0,
  });
  const folder = bucket.prefix === "" ? processorId : `${bucket.prefix}/${processorId}`;
  const urlOf = (name: DocumentName): string => `${bucket.endpoint}/${bucket.bucket}/${folder}/${name}.json`;
  const send = async (method: string, name: DocumentName, init: RequestInit = {}): Promise<Response> => {
    const url = urlOf(name);
    try {
      return await client.fetch(url, { ...init, method, signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (thrown) {
      throw new ShoalError("unavailable", `${method} ${url}: ${messageOf(thrown)}`, { cause: thrown });
    }
  };
  let conditional = true;
  const put = (name: DocumentName, text: string, expected: string | undefined): Promise<Response> => {
    const condition: Record<string, string> =
      expected === undefined ? { "if-none-match": "*" } : { "if-match": expected };
    const headers = { "content-type": "application/json", ...(conditional ? condition : {}) };
    return send("PUT", name, { headers, body: text });
  };
  const unconditional = async (name: DocumentName, text: string, expected: string | undefined): Promise<Response> => {
    const there = await send("HEAD", name);
    const etag = there.status === 404 ? undefined : (await ok(there, urlOf(name))).headers.get("etag");
    return etag === expected ? put(name, text, expected) : new Response(null, { status: 412 });
  };
  return {
    maxBytes: MAX_BYTES,
    read: async (name) => {
      const answer = await send("GET", name);
      if (answer.status === 404) return undefined;
      const found = await ok(answer, urlOf(name));
      return { text: await found.text(), revision: found.headers.get("etag") ?? "" };
    },
    write: async (name, text, expected) => {
      let answer = conditional ? await put(name, text, expected) : await unconditional(name, text, expected);
      if (conditional && answer.status === 501) {
        conditional = false;
        log.warn({ endpoint: bucket.endpoint }, "this bucket has no conditional writes: two writers at once may race");
        answer = await unconditional(name, text, expected);
      }
      // 404: If-Match on an object that somebody removed. 409: two conditional writes at the same moment.
      if ([404, 409, 412].includes(answer.status)) return "changed";
      return { revision: (await ok(answer, urlOf(name))).headers.get("etag") ?? "" };
    },
    remove: async (name) => {
      const answer = await send("DELETE", name);
      if (answer.status !== 404) await ok(answer, urlOf(name));
    },
  };
}

async function ok(answer: Response, url: string): Promise<Response> {
  if (answer.ok) return answer;
  const text = `${url} answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`;
  throw new ShoalError(answer.status === 401 || answer.status === 403 ? "permission_denied" : "unavailable", text);
}
