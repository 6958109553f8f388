/**
 * A Kubernetes API on a loopback port, over TLS, with its own authority and everything kept in a folder. It schedules nothing
 * and runs nothing: that is the cluster's work (`../cluster`), which is a client like any other.
 */
import { once } from "node:events";
import { mkdir, rename, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { keptCertificates } from "./certificates.ts";
import { expireEvents } from "./event-expiry.ts";
import { createFaults, type FaultSwitches } from "./faults.ts";
import { startFinalizers } from "./finalizers.ts";
import type { Api } from "./http/call.ts";
import { createPages } from "./http/pages.ts";
import { createApiServer } from "./http/server.ts";
import { KINDS } from "./kinds.ts";
import { kubeconfigText } from "./kubeconfig.ts";
import { makeNamespaces } from "./namespaces.ts";
import { openStore } from "./store.ts";
import { createTokens } from "./tokens.ts";

export interface KubernetesOptions {
  /** A loopback address. */
  readonly host: string;
  /** 0 picks a free one; choose one for what is to outlive a restart. */
  readonly port: number;
  /** Objects, certificates and tokens. One server at a time. */
  readonly dataDir: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Changes per kind that watches may start from. Default 4096. */
  readonly watchWindow?: number;
}

export interface KubernetesApi {
  /** `https://HOST:PORT`. */
  readonly url: string;
  readonly port: number;
  /** For the administrator, who may do everything. */
  readonly kubeconfigYaml: string;
  /** The same as a file (mode 600) in the data folder. */
  readonly kubeconfigPath: string;
  readonly faults: FaultSwitches;
  stop(): Promise<void>;
}

const DEFAULT_WATCH_WINDOW = 4096;

export async function startKubernetesApi(options: KubernetesOptions): Promise<KubernetesApi> {
  const { dataDir, clock, log, host } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const store = openStore({
    path: join(dataDir, "objects.jsonl"),
    watchWindow: options.watchWindow ?? DEFAULT_WATCH_WINDOW,
  });
  const certificates = await keptCertificates(dataDir, host, clock.now());
  const tokens = await createTokens(dataDir, store, clock);
  const pages = createPages(clock);
  const { faults, switches } = createFaults({
    clock,
    store,
    plurals: KINDS.map((kind) => kind.plural),
    expirePages: () => pages.expire(),
    refuseConnections: async (on) => refuseConnections(on),
  });
  const api: Api = { store, clock, log, tokens, faults, pages };
  makeNamespaces(api);
  const finalizers = startFinalizers(api, log);
  const expiry = expireEvents(api);
  const http = createApiServer(api, certificates);
  const { server } = http;
  server.listen(options.port, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    http.stopExec();
    server.closeAllConnections();
    await closed;
  };
  const refuseConnections = async (on: boolean): Promise<void> => {
    if (on === !server.listening) return;
    if (on) return close();
    server.listen(port, host);
    await once(server, "listening");
  };
  const url = `https://${host}:${port}`;
  const kubeconfigYaml = kubeconfigText({ server: url, authority: certificates.authority, token: tokens.admin });
  const kubeconfigPath = join(dataDir, "kubeconfig");
  await writeFile(`${kubeconfigPath}.new`, kubeconfigYaml, { mode: 0o600 });
  await rename(`${kubeconfigPath}.new`, kubeconfigPath);
  log.info({ url, revision: store.revision }, "the Kubernetes API is up");
  return {
    url,
    port,
    kubeconfigYaml,
    kubeconfigPath,
    faults: switches,
    stop: async () => {
      finalizers.stop();
      expiry.stop();
      if (server.listening) await close();
      await store.synced();
      store.close();
    },
  };
}
