/**
 * Where the API is and how to speak to it. client-node parses kubeconfig files and runs their authenticators (tokens,
 * client certificates, exec plugins, and what `addAuthenticator` adds for GKE and EKS). It is loaded only for a file that is
 * not plain (`plain-config.ts`), since loading it costs a cold start 0.2 s and 60 MB. Its HTTP side is not used: it opens one
 * TLS connection per request.
 */
import type { RequestOptions } from "node:https";
import type { KubeConfig as FullKubeConfig } from "@kubernetes/client-node";
import { Agent } from "undici";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { KubernetesError } from "./error.ts";
import { plainKubeConfig, type KubeConfig } from "./plain-config.ts";

export type { KubeConfig };

/** Kubeconfig text (YAML or JSON). `context` picks another than the file's current one. */
export async function kubeConfigFrom(text: string, context?: string): Promise<KubeConfig> {
  return plainKubeConfig(text, context) ?? (await fullKubeConfigFrom(text, context));
}

/** The same as client-node reads it, for whoever adds an authenticator of their own (GKE, EKS). */
export async function fullKubeConfigFrom(text: string, context?: string): Promise<FullKubeConfig> {
  const { KubeConfig: Full } = await import("@kubernetes/client-node");
  const config = new Full();
  config.loadFromString(text);
  if (context !== undefined) config.setCurrentContext(context);
  if (config.getCurrentCluster() === null) {
    throw new ShoalError("invalid_argument", "the kubeconfig names no cluster for its current context");
  }
  return config;
}

export interface Endpoint {
  readonly server: string;
  /** For requests: few connections that stay open. */
  readonly requests: Agent;
  /**
   * For watches and logs. A stream holds its connection for as long as it lives, so streams in the bounded pool would
   * starve every request once there are as many of them as connections.
   */
  readonly streams: Agent;
  headers(): Promise<Readonly<Record<string, string>>>;
  /** Asks the authenticator again: the API did not accept what we have. */
  forgetHeaders(): void;
  close(): Promise<void>;
}

/** How long an authenticator's answer is used: they cache tokens themselves, but read files and spawn plugins. */
const HEADERS_KEPT_MS = 30_000;

/** Connections for requests; enough for a burst, few enough that a restart of the API is no stampede of handshakes. */
const CONNECTIONS = 16;

export async function endpointOf(config: KubeConfig, monotonic: () => number): Promise<Endpoint> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new ShoalError("invalid_argument", "the kubeconfig names no cluster");
  if (cluster.proxyUrl !== undefined) {
    throw new ShoalError("invalid_argument", "a kubeconfig with proxy-url is not supported");
  }
  const tls = await connectionOptions(config);
  const connect = {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.servername === undefined ? {} : { servername: tls.servername }),
    ...(tls.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: tls.rejectUnauthorized }),
    timeout: 5_000,
  };
  const requests = new Agent({ connect, connections: CONNECTIONS, pipelining: 1, keepAliveTimeout: 60_000 });
  const streams = new Agent({ connect, pipelining: 1, keepAliveTimeout: 10_000, bodyTimeout: 0 });
  let known: { readonly headers: Readonly<Record<string, string>>; readonly until: number } | undefined;
  return {
    server: cluster.server.replace(/\/+$/, ""),
    requests,
    streams,
    headers: async () => {
      if (known !== undefined && monotonic() < known.until) return known.headers;
      const headers = await currentHeaders(config);
      known = { headers, until: monotonic() + HEADERS_KEPT_MS };
      return headers;
    },
    forgetHeaders: () => {
      known = undefined;
    },
    close: async () => {
      await Promise.all([requests.destroy(), streams.destroy()]);
    },
  };
}

async function currentHeaders(config: KubeConfig): Promise<Readonly<Record<string, string>>> {
  const options = await connectionOptions(config);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === "string") headers[name.toLowerCase()] = value;
  }
  if (typeof options.auth === "string") {
    headers["authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
  }
  return headers;
}

/** Asks client-node, which may read files, run a plugin or fetch a token to answer. */
async function connectionOptions(config: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
    return options;
  } catch (thrown) {
    throw new KubernetesError({
      status: 0,
      reason: "NoCredentials",
      message: `no credentials for the Kubernetes API: ${messageOf(thrown)}`,
      cause: thrown,
    });
  }
}
