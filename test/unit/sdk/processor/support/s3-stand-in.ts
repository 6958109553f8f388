/** An S3 service of objects in memory, with conditional writes that can be taken away as in services that lack them. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface S3StandIn {
  readonly url: string;
  readonly objects: Map<string, string>;
  /** Answers 501 to conditional writes, as services do that lack them. */
  lackConditions(): void;
  /** Answers 503 to everything, or no longer. */
  fail(on: boolean): void;
  stop(): Promise<void>;
}

const etagOf = (text: string): string => `"${createHash("md5").update(text).digest("hex")}"`;

export async function startS3(): Promise<S3StandIn> {
  const objects = new Map<string, string>();
  let conditions = true;
  let failing = false;
  const answer = (response: ServerResponse, status: number, body = "", etag?: string): void => {
    response.writeHead(status, etag === undefined ? {} : { etag });
    response.end(body);
  };
  const put = (key: string, text: string, request: IncomingMessage, response: ServerResponse): void => {
    const { "if-match": match, "if-none-match": none } = request.headers;
    const there = objects.get(key);
    if ((match ?? none) !== undefined && !conditions) return answer(response, 501, "<Code>NotImplemented</Code>");
    if (none === "*" && there !== undefined) return answer(response, 412, "<Code>PreconditionFailed</Code>");
    if (match !== undefined && there === undefined) return answer(response, 404, "<Code>NoSuchKey</Code>");
    if (match !== undefined && match !== etagOf(there ?? ""))
      return answer(response, 412, "<Code>PreconditionFailed</Code>");
    objects.set(key, text);
    answer(response, 200, "", etagOf(text));
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const key = request.url ?? "";
      const there = objects.get(key);
      if (failing) return answer(response, 503, "<Code>SlowDown</Code>");
      if (
        !/^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/eu-west-1\/s3\/aws4_request,/.test(
          request.headers.authorization ?? "",
        )
      ) {
        return answer(response, 403, "<Code>AccessDenied</Code>");
      }
      if (request.method === "PUT") return put(key, Buffer.concat(chunks).toString("utf8"), request, response);
      if (request.method === "DELETE") {
        objects.delete(key);
        return answer(response, 204);
      }
      if (there === undefined) return answer(response, 404, "<Code>NoSuchKey</Code>");
      return answer(response, 200, request.method === "HEAD" ? "" : there, etagOf(there));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    lackConditions: () => {
      conditions = false;
    },
    fail: (on) => {
      failing = on;
    },
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
