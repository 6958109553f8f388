/** Resources as the API shows them, for tests that care about one field of them. */
import type { ApiKey } from "@shoal/shared/wire/endpoints/api-keys.ts";
import type { AuditEntry } from "@shoal/shared/wire/endpoints/audit.ts";
import type { FeedEvent } from "@shoal/shared/wire/endpoints/events.ts";
import type { Operation } from "@shoal/shared/wire/endpoints/operations.ts";
import type { Processor } from "@shoal/shared/wire/endpoints/processors.ts";
import type { Whoami } from "@shoal/shared/wire/endpoints/sessions.ts";
import type { Template, TemplateVersion } from "@shoal/shared/wire/endpoints/templates.ts";
import { runtimeConfigSchema } from "@shoal/shared/wire/runtime-config.ts";

const at = "2026-01-02T03:04:05.000Z";
export const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

export const processor = (change: Partial<Processor> = {}): Processor => ({
  id: "prc-aaaaaaaaaaaaaaaaaaaa",
  name: "meter",
  template_id: "tpl-aaaaaaaaaaaaaaaaaaaa",
  template: "host-metrics",
  sensor_id: null,
  cluster_id: "cls-1",
  node_type: "managed",
  config: {},
  generation: 1,
  observed_generation: 0,
  status: "pending",
  stage: "place",
  stage_since: at,
  conditions: [
    { type: "Accepted", status: "True", reason: "Valid", message: "", since: at, observed_generation: 1 },
    {
      type: "Placed",
      status: "False",
      reason: "NoCapacity",
      message: "no host has 4 cores",
      since: at,
      observed_generation: 1,
    },
  ],
  health_status: "unknown",
  epoch: 1,
  pod_name: null,
  host_name: null,
  deletion_requested_at: null,
  terminated_at: null,
  created_at: at,
  updated_at: at,
  ...change,
});

export const operation = (change: Partial<Operation> = {}): Operation => ({
  id: "op-aaaaaaaaaaaaaaaaaaaa",
  kind: "processor.create",
  resource_kind: "processor",
  resource_id: "prc-aaaaaaaaaaaaaaaaaaaa",
  generation: 1,
  state: "pending",
  error: null,
  requested_by: "key-1",
  trace_id: null,
  created_at: at,
  updated_at: at,
  done_at: null,
  ...change,
});

export const event = (cursor: number, change: Partial<FeedEvent> = {}): FeedEvent => ({
  cursor: String(cursor),
  at,
  kind: "processor.placed",
  resource_kind: "processor",
  resource_id: "prc-aaaaaaaaaaaaaaaaaaaa",
  generation: 1,
  reason: "Placed",
  message: `event ${cursor}`,
  data: {},
  trace_id: null,
  ...change,
});

export const template = (change: Partial<Template> = {}): Template => ({
  id: "tpl-aaaaaaaaaaaaaaaaaaaa",
  slug: "host-metrics",
  name: "Host metrics",
  description: "",
  active_version: "1.0.0",
  created_at: at,
  updated_at: at,
  ...change,
});

export const version = (change: Partial<TemplateVersion> = {}): TemplateVersion => ({
  id: "ver-aaaaaaaaaaaaaaaaaaaa",
  template_id: "tpl-aaaaaaaaaaaaaaaaaaaa",
  version: "1.0.0",
  image_uri: "registry.example.com/host-metrics",
  digest: DIGEST,
  is_active: true,
  runtime_config_template: runtimeConfigSchema.parse({}),
  created_at: at,
  ...change,
});

export const apiKey = (change: Partial<ApiKey> = {}): ApiKey => ({
  id: "key-aaaaaaaaaaaaaaaaaaaa",
  name: "ci",
  token_hint: "shoal_key_ab…",
  scopes: ["processors:read"],
  created_by: "usr-1",
  created_at: at,
  expires_at: null,
  last_used_at: null,
  revoked_at: null,
  ...change,
});

export const auditEntry: AuditEntry = {
  id: "aud-1",
  at,
  actor: { kind: "user", id: "usr-1" },
  action: "processors.create",
  resource_kind: "processor",
  resource_id: "prc-aaaaaaaaaaaaaaaaaaaa",
  request_id: "req-1",
  details: {},
};

export const whoami: Whoami = {
  organisation: { id: "org-1", slug: "acme", name: "Acme", plan: "free", created_at: at },
  actor: { kind: "user", id: "usr-1", name: "Ada", email: "ada@example.test" },
  scopes: ["processors:read", "processors:write"],
  expires_at: null,
  plan: { name: "free", max_processors: 10, max_templates: 5, max_api_keys: 5, requests_per_minute: 600 },
};
