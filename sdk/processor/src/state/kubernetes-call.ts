/**
 * One call to the Kubernetes API with the pod's own service account. Over `node:https`, since `fetch` cannot be told a
 * certificate authority and a client library would cost each pod more memory than its state.
 */
import { readFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { KubernetesAccess } from "../config/config.ts";

const TIMEOUT_MS = 10_000;
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;

export interface KubernetesAnswer {
  readonly status: number;
  readonly body: unknown;
}
export type KubernetesCall = (
  method: "GET" | "POST" | "PATCH",
  path: string,
  body?: object,
) => Promise<KubernetesAnswer>;

/** Throws `unavailable` where no answer comes; every answer that does come is returned. */
export function kubernetesCall(access: KubernetesAccess): KubernetesCall {
  return async (method, path, body) => {
    try {
      const [token, ca] = await Promise.all([
        readFile(access.tokenFile, "utf8"),
        access.caFile === undefined ? undefined : readFile(access.caFile, "utf8"),
      ]);
      return await exchange(new URL(access.url + path), method, { token: token.trim(), ca }, body);
    } catch (thrown) {
      throw new ShoalError("unavailable", `the Kubernetes API at ${access.url}: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
  };
}

function exchange(
  url: URL,
  method: string,
  credentials: { readonly token: string; readonly ca: string | undefined },
  body: object | undefined,
): Promise<KubernetesAnswer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers: Record<string, string> = { authorization: `Bearer ${credentials.token}`, accept: "application/json" };
  if (text !== undefined) {
    headers["content-type"] = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    headers["content-length"] = String(Buffer.byteLength(text));
  }
  const options = { method, headers, timeout: TIMEOUT_MS };
  return new Promise((resolve, reject) => {
    const outgoing =
      url.protocol === "https:"
        ? httpsRequest(url, { ...options, ...(credentials.ca === undefined ? {} : { ca: credentials.ca }) })
        : httpRequest(url, options);
    outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > ANSWER_MAX_BYTES) outgoing.destroy(new Error(`an answer above ${ANSWER_MAX_BYTES} bytes`));
        chunks.push(chunk);
      });
      incoming.once("error", reject);
      incoming.once("end", () => {
        try {
          const parsed: unknown = size === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString("utf8"));
          resolve({ status: incoming.statusCode ?? 0, body: parsed });
        } catch (thrown) {
          reject(new Error(`status ${incoming.statusCode} with a body that is not JSON`, { cause: thrown }));
        }
      });
    });
    outgoing.end(text);
  });
}
