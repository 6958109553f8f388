/**
 * A kubeconfig in JSON with a token or a client certificate in it: what a control plane is given as a secret. It takes no
 * parser and no authenticator, so client-node, which costs a cold start 0.2 s, is left alone. Anything else is not plain.
 */
import type { RequestOptions } from "node:https";
import { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";

/** What is needed of a kubeconfig, whoever has read it: `@kubernetes/client-node`'s own class fits. */
export interface KubeConfig {
  getCurrentCluster(): { readonly server: string; readonly proxyUrl?: string | undefined } | null;
  applyToHTTPSOptions(options: RequestOptions): Promise<void>;
}

const plainSchema = z.object({
  "current-context": z.string(),
  clusters: z.array(
    z.object({
      name: z.string(),
      // Strict: a field that is not known here may say how to connect.
      cluster: z.strictObject({ server: z.url(), "certificate-authority-data": z.string().optional() }),
    }),
  ),
  users: z.array(
    z.object({
      name: z.string(),
      user: z.strictObject({
        token: z.string().optional(),
        "client-certificate-data": z.string().optional(),
        "client-key-data": z.string().optional(),
      }),
    }),
  ),
  contexts: z.array(z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string() }) })),
});

/** Undefined where the text is no plain kubeconfig. Throws `invalid_argument` where it names what it does not have. */
export function plainKubeConfig(text: string, contextName: string | undefined): KubeConfig | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  const parsed = plainSchema.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const { clusters, users, contexts } = parsed.data;
  const name = contextName ?? parsed.data["current-context"];
  const context = contexts.find((each) => each.name === name)?.context;
  const cluster = clusters.find((each) => each.name === context?.cluster)?.cluster;
  const user = users.find((each) => each.name === context?.user)?.user;
  if (cluster === undefined || user === undefined)
    throw new ShoalError("invalid_argument", `the kubeconfig has no complete context ${name}`);
  const bytes = (base64: string | undefined): Buffer | undefined =>
    base64 === undefined ? undefined : Buffer.from(base64, "base64");
  const [ca, cert, key] = [
    bytes(cluster["certificate-authority-data"]),
    bytes(user["client-certificate-data"]),
    bytes(user["client-key-data"]),
  ];
  return {
    getCurrentCluster: () => ({ server: cluster.server }),
    applyToHTTPSOptions: (options) => {
      if (ca !== undefined) options.ca = ca;
      if (cert !== undefined) options.cert = cert;
      if (key !== undefined) options.key = key;
      if (user.token !== undefined) options.headers = { Authorization: `Bearer ${user.token}` };
      return Promise.resolve();
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
