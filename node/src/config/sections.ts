/** The sections of config.toml, by upstream's names; `server-section.ts` and `limits-section.ts` are the two large ones. */
import { z } from "zod";
import { limitsSection } from "./limits-section.ts";
import { serverSection } from "./server-section.ts";
import { swarmSection } from "./swarm-section.ts";
import { multiaddress, path, peerAddress, spanMs, spanSeconds, spanTable, whole } from "./values.ts";

const base58Text = z.string().min(1).max(128);

const identity = z.strictObject({
  peer_id: base58Text,
  keypair: base58Text,
  group: z.strictObject({ public_key: base58Text, secret_key: base58Text }).optional(),
});

const discovery = z
  .strictObject({
    mdns: z.boolean().default(true),
    advertise_address: z.boolean().default(false),
    external_address: z.array(multiaddress).max(16).default([]),
    rendezvous: z
      .strictObject({
        namespace: z.string().min(1).max(255).default("/shoal/global"),
        discovery_rpm: z.number().positive().max(600).default(0.5),
        discovery_interval: spanTable.prefault(15),
        registrations_limit: whole(0, 1000).default(3),
      })
      .prefault({}),
    /** `serve` is ours: whether this node carries connections between others. */
    relay: z
      .strictObject({ registrations_limit: whole(0, 1000).default(3), serve: z.boolean().default(false) })
      .prefault({}),
    autonat: z
      .strictObject({ max_candidates: whole(0, 100).default(5), probe_interval: spanTable.prefault(10) })
      .prefault({}),
  })
  .prefault({});

const sync = z
  .strictObject({
    timeout_ms: spanMs(1).prefault(30_000),
    interval_ms: spanMs(1).prefault(5000),
    frequency_ms: spanMs(1).prefault(10_000),
    session_deadline_ms: spanMs(1).prefault(30_000),
  })
  .prefault({});

const compaction = z
  .strictObject({
    enabled: z.boolean().default(true),
    min_deltas_before_compact: whole(1, 2 ** 31).default(10_000),
    retain_recent_count: whole(1, 2 ** 31).default(1000),
    check_interval: spanSeconds(1).prefault(3600),
  })
  .prefault({});

/** Upstream has `check_interval` alone; the rest are the bounds of one run. */
const gc = z
  .strictObject({
    check_interval: spanSeconds(1).prefault(12 * 3600),
    tombstone_retention: spanSeconds(1).prefault(86_400),
    batch_size: whole(1, 100_000).default(500),
    max_deletions: whole(1, 10_000_000).default(10_000),
    dry_run: z.boolean().default(false),
  })
  .prefault({});

const measurements = z.array(z.string().regex(/^(0x)?[0-9a-fA-F]{96}$/, "expected 48 bytes in hex")).default([]);

const kms = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  tls: z
    .strictObject({
      ca_cert_path: path.optional(),
      client_cert_path: path.optional(),
      client_key_path: path.optional(),
    })
    .prefault({})
    .refine((tls) => (tls.client_cert_path === undefined) === (tls.client_key_path === undefined), {
      path: ["client_key_path"],
      message: "goes together with client_cert_path",
    }),
  attestation: z
    .strictObject({
      enabled: z.boolean().default(false),
      accept_mock: z.boolean().default(false),
      allowed_tcb_statuses: z.array(z.string().min(1)).default(["UpToDate"]),
      allowed_mrtd: measurements,
      allowed_rtmr0: measurements,
      allowed_rtmr1: measurements,
      allowed_rtmr2: measurements,
      allowed_rtmr3: measurements,
      binding_b64: z.base64().optional(),
      policy_json_path: path.optional(),
    })
    .prefault({})
    .superRefine((policy, context) => {
      if (!policy.enabled || policy.accept_mock || policy.policy_json_path !== undefined) return;
      const lists = [
        "allowed_tcb_statuses",
        "allowed_mrtd",
        "allowed_rtmr0",
        "allowed_rtmr1",
        "allowed_rtmr2",
        "allowed_rtmr3",
      ] as const;
      for (const list of lists) {
        if (policy[list].length === 0)
          context.addIssue({ code: "custom", path: [list], message: "is empty although attestation is enabled" });
      }
    }),
});

/** The third generation writes the service's name between, `[tee.kms.phala]`; the fourth does not. */
const kmsSection = z.unknown().transform((value, context) => {
  const nested = typeof value === "object" && value !== null && "phala" in value;
  const parsed = nested
    ? z
        .strictObject({ phala: kms })
        .transform(({ phala }) => phala)
        .safeParse(value)
    : kms.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues)
    context.addIssue({ code: "custom", path: [...issue.path], message: issue.message });
  return z.NEVER;
});

export const fileSchema = z.strictObject({
  mode: z.enum(["standard", "read-only"]).default("standard"),
  identity,
  swarm: swarmSection,
  server: serverSection,
  bootstrap: z.strictObject({ nodes: z.array(peerAddress).max(64).default([]) }).prefault({}),
  discovery,
  sync,
  datastore: z.strictObject({ path: path.default("data") }).prefault({}),
  blobstore: z.strictObject({ path: path.default("blobs") }).prefault({}),
  context: z.strictObject({}).prefault({}),
  specialized_node: z
    .strictObject({
      invite_topic: z.string().min(1).max(255).default("mero_specialized_node_invites"),
      accept_mock_tee: z.boolean().default(false),
    })
    .prefault({}),
  runtime: z.strictObject({ limits: limitsSection.prefault({}) }).prefault({}),
  dag_compaction: compaction,
  gc,
  tee: z.strictObject({ kms: kmsSection }).optional(),
});
export type ConfigFile = z.output<typeof fileSchema>;
