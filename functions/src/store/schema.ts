/** The tables as kysely sees them. Kept in step with the migrations by `test/unit/functions/store/schema.test.ts`. */
import type { ColumnType } from "kysely";

/** bigint and xid8 arrive as text: a number could not carry them. Generations and epochs are read with `Number`. */
type BigintText = ColumnType<string, string | number | bigint, string | number | bigint>;
/** A column with a default: it may be left out of an insert. */
type Generated<T> =
  T extends ColumnType<infer S, infer I, infer U> ? ColumnType<S, I | undefined, U> : ColumnType<T, T | undefined, T>;
type Instant = ColumnType<Date, Date | string, Date | string>;
type JsonColumn = ColumnType<unknown, string, string>;

export interface Schema {
  plans: {
    name: string;
    max_processors: number;
    max_templates: number;
    max_api_keys: number;
    requests_per_minute: number;
  };
  organisations: { id: string; slug: string; name: string; plan: string; created_at: Generated<Instant> };
  users: { id: string; email: string; name: string; issuer: string; subject: string; created_at: Generated<Instant> };
  memberships: { organisation_id: string; user_id: string; role: string; created_at: Generated<Instant> };
  sessions: {
    id: string;
    organisation_id: string;
    user_id: string;
    token_hash: Buffer;
    created_at: Generated<Instant>;
    expires_at: Instant;
    last_used_at: Instant | null;
    revoked_at: Instant | null;
  };
  api_keys: {
    id: string;
    organisation_id: string;
    name: string;
    token_hint: string;
    token_hash: Buffer;
    scopes: string[];
    created_by: string;
    created_at: Generated<Instant>;
    expires_at: Instant | null;
    last_used_at: Instant | null;
    revoked_at: Instant | null;
  };
  idempotency_keys: {
    organisation_id: string;
    key: string;
    route: string;
    request_hash: string;
    response_status: number | null;
    response_body: JsonColumn | null;
    created_at: Generated<Instant>;
  };
  audit_log: {
    id: Generated<BigintText>;
    organisation_id: string;
    at: Generated<Instant>;
    actor_kind: string;
    actor_id: string;
    action: string;
    resource_kind: string;
    resource_id: string;
    request_id: string;
    details: Generated<JsonColumn>;
  };
  processor_templates: {
    id: string;
    organisation_id: string;
    slug: string;
    name: string;
    description: Generated<string>;
    created_at: Generated<Instant>;
    updated_at: Generated<Instant>;
    deleted_at: Instant | null;
  };
  invitations: {
    organisation_id: string;
    email: string;
    role: string;
    invited_by: string;
    created_at: Generated<Instant>;
  };
  processor_template_versions: {
    id: string;
    organisation_id: string;
    processor_template_id: string;
    version: string;
    image_uri: string;
    digest: string;
    is_active: Generated<boolean>;
    runtime_config_template: JsonColumn;
    created_at: Generated<Instant>;
  };
  sensors: { id: string; organisation_id: string; name: string; latitude: number | null; longitude: number | null };
  clusters: { id: string; name: string; k8s_namespace: string; created_at: Generated<Instant> };
  processors: ProcessorsTable;
  activations: {
    processor_id: string;
    epoch: BigintText;
    organisation_id: string;
    pod_name: string;
    pod_uid: string | null;
    host_name: string | null;
    because: string;
    created_at: Generated<Instant>;
    ended_at: Instant | null;
  };
  operations: {
    id: string;
    organisation_id: string;
    kind: string;
    resource_kind: string;
    resource_id: string;
    generation: BigintText;
    state: Generated<string>;
    error_code: string | null;
    error_message: string | null;
    requested_by: string;
    trace_id: string | null;
    created_at: Generated<Instant>;
    updated_at: Generated<Instant>;
    done_at: Instant | null;
  };
  events: {
    id: Generated<BigintText>;
    change_seq: Generated<BigintText>;
    organisation_id: string;
    at: Generated<Instant>;
    kind: string;
    resource_kind: string;
    resource_id: string;
    generation: BigintText | null;
    reason: Generated<string>;
    message: Generated<string>;
    data: Generated<JsonColumn>;
    trace_id: string | null;
  };
  tasks: {
    id: Generated<BigintText>;
    kind: string;
    key: string;
    organisation_id: string | null;
    generation: Generated<BigintText>;
    run_at: Generated<Instant>;
    lease_until: Instant | null;
    fence: Generated<number>;
    attempts: Generated<number>;
    woken: Generated<boolean>;
    last_error: string | null;
    trace_id: string | null;
    created_at: Generated<Instant>;
  };
  passes: {
    cluster_id: string;
    shard: number;
    change_cursor: Generated<BigintText>;
    pods_resource_version: string | null;
    hosts_resource_version: string | null;
    cursor_moved_at: Instant | null;
    full_at: Instant | null;
  };
  hosts: {
    cluster_id: string;
    name: string;
    uid: string;
    ready: boolean;
    ready_changed_at: Instant | null;
    cordoned: Generated<boolean>;
    zone: Generated<string>;
    labels: Generated<JsonColumn>;
    taints: Generated<JsonColumn>;
    cpu_milli: number;
    memory_mib: number;
    pods: number;
    gpu: Generated<number>;
    content_hash: string;
    seen_at: Generated<Instant>;
  };
  observed_pods: {
    cluster_id: string;
    namespace: string;
    name: string;
    uid: string;
    processor_id: string;
    epoch: BigintText;
    spec_hash: string;
    phase: string;
    ready: boolean;
    deleting: Generated<boolean>;
    restarts: Generated<number>;
    reason: Generated<string>;
    message: Generated<string>;
    pod_ip: string | null;
    host_name: string | null;
    content_hash: string;
    seen_at: Generated<Instant>;
  };
}

interface ProcessorsTable {
  id: string;
  organisation_id: string;
  name: string;
  processor_template_id: string;
  sensor_id: string | null;
  cluster_id: string;
  node_type: Generated<string>;
  k8s_namespace: string;
  config: Generated<JsonColumn>;
  restarts_requested: Generated<number>;
  generation: Generated<BigintText>;
  deletion_requested_at: Instant | null;
  observed_generation: Generated<BigintText>;
  status: Generated<string>;
  conditions: Generated<JsonColumn>;
  health_status: Generated<string>;
  last_health_check_at: Instant | null;
  epoch: Generated<BigintText>;
  pod_name: string | null;
  pod_uid: string | null;
  pod_ip: string | null;
  host_name: string | null;
  spec_hash: string | null;
  stage: Generated<string>;
  stage_since: Generated<Instant>;
  reserved_cpu_milli: Generated<number>;
  reserved_memory_mib: Generated<number>;
  reserved_gpu: Generated<number>;
  created_at: Generated<Instant>;
  updated_at: Generated<Instant>;
  terminated_at: Instant | null;
  change_seq: Generated<BigintText>;
}
