/** The config.toml of a new node, from the options of `init`. Everything that is worth changing is in it, with a word on it. */
import { isIPv6 } from "node:net";
import { stringify } from "smol-toml";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Credentials } from "../auth/settings.ts";
import { BOOT_NETWORKS, type BootNetwork } from "./boot-networks.ts";
import { keypairText, peerIdOf, type Identity } from "./identity.ts";

/** The options of merod's `init`; what is left out has merod's default. */
export interface InitOptions {
  readonly bootNodes?: readonly string[];
  /** merod takes `calimero-dev` where none is given; here nobody is dialled who was not named. */
  readonly bootNetwork?: BootNetwork;
  readonly swarmHost?: readonly string[];
  readonly swarmPort?: number;
  /** Ours: where browser tabs reach the node; by default 200 above `swarmPort`, or whichever is free where that is 0. */
  readonly swarmWebSocketPort?: number;
  readonly serverHost?: readonly string[];
  readonly serverPort?: number;
  readonly authMode?: "proxy" | "embedded";
  readonly authStorage?: "persistent" | "memory";
  readonly authStoragePath?: string;
  readonly mdns?: boolean;
  readonly advertiseAddress?: boolean;
  readonly externalAddress?: readonly string[];
  readonly rendezvousRegistrationsLimit?: number;
  readonly relayRegistrationsLimit?: number;
  /** Seconds. */
  readonly autonatProbeInterval?: number;
  readonly autonatMaxCandidates?: number;
  readonly mode?: "standard" | "read-only";
  readonly force?: boolean;
  readonly administrator?: Credentials;
  readonly noAdministrator?: boolean;
}

/** Throws `invalid_argument` for options that contradict each other; what is wrong with one by itself is for `parseConfig`. */
export function newConfig(
  options: InitOptions,
  keys: { readonly identity: Identity; readonly account: Identity },
): string {
  if (options.authStorage === "memory" && options.authStoragePath !== undefined)
    throw new ShoalError("invalid_argument", "auth in memory has no path", { field: "auth-storage-path" });
  const { identity, account } = keys;
  const serverHosts = options.serverHost ?? ["127.0.0.1", "::1"];
  const swarmHosts = options.swarmHost ?? ["0.0.0.0", "::"];
  const swarmPort = options.swarmPort ?? 2428;
  const swarm = [`tcp/${swarmPort}`, `tcp/${options.swarmWebSocketPort ?? webSocketPort(swarmPort)}/ws`];
  const network = options.bootNetwork === undefined ? [] : BOOT_NETWORKS[options.bootNetwork];

  const sections = {
    mode: options.mode ?? "standard",
    identity: {
      peer_id: peerIdOf(identity.publicKey),
      keypair: keypairText(identity).reveal(),
      group: { public_key: account.publicKey, secret_key: account.seed.reveal() },
    },
    swarm: {
      // merod writes QUIC as well, which this node does not carry.
      listen: swarmHosts.flatMap((host) => swarm.map((rest) => `${ip(host)}/${rest}`)),
    },
    server: {
      listen: serverHosts.map((host) => `${ip(host)}/tcp/${options.serverPort ?? 2528}`),
      auth_mode: options.authMode ?? "proxy",
      ...Object.fromEntries(["admin", "jsonrpc", "websocket", "sse"].map((face) => [face, { enabled: true }])),
      embedded_auth: { storage: storageOf(options) },
    },
    bootstrap: { nodes: [...(options.bootNodes ?? []), ...network] },
    discovery: {
      mdns: options.mdns ?? true,
      advertise_address: options.advertiseAddress ?? false,
      external_address: options.externalAddress ?? [],
      rendezvous: { registrations_limit: options.rendezvousRegistrationsLimit ?? 3 },
      relay: { registrations_limit: options.relayRegistrationsLimit ?? 3 },
      autonat: {
        max_candidates: options.autonatMaxCandidates ?? 5,
        probe_interval: options.autonatProbeInterval ?? 10,
      },
    },
    sync: { timeout_ms: 30_000, interval_ms: 5000, frequency_ms: 10_000 },
    datastore: { path: "data" },
    blobstore: { path: "blobs" },
    gc: { check_interval: 43_200 },
  };
  return `# The node's own keys are in here: keep it to yourself.\n${stringify(sections)}\n`;
}

/** Far enough away for a few dozen nodes of one machine that count their ports up, and for merod's two rows of ports. */
function webSocketPort(swarmPort: number): number {
  if (swarmPort === 0) return 0;
  return swarmPort + (swarmPort + WEB_SOCKET_DISTANCE > MAX_PORT ? -WEB_SOCKET_DISTANCE : WEB_SOCKET_DISTANCE);
}

const WEB_SOCKET_DISTANCE = 200;
const MAX_PORT = 65_535;

function storageOf({ authStorage = "persistent", authStoragePath }: InitOptions): object {
  if (authStorage === "memory") return { type: "memory" };
  return { type: "persistent", ...(authStoragePath === undefined ? {} : { path: authStoragePath }) };
}

/** What is no address is refused where the whole file is checked. */
const ip = (host: string): string => (isIPv6(host) ? `/ip6/${host}` : `/ip4/${host}`);
