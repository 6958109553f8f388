/**
 * A processor's configuration: one pure parser from the environment that its pod is given. Names, defaults and ranges are
 * Dory's. A preset gives defaults, a variable overrides it; which variables count is listed in this folder's README.
 */
import { Secret } from "@shoal/shared/base/secret.ts";
import { seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import { EnvReader, type Env } from "./reader.ts";

export interface ProcessorConfig {
  readonly identity: {
    readonly processorId: string;
    readonly podName: string;
    readonly namespace: string;
    readonly appVersion: string;
    /** 0 where nobody numbers activations: outside a cluster. */
    readonly epoch: number;
    readonly migrating: boolean;
    readonly previousPod: string | undefined;
  };
  readonly log: { readonly level: "debug" | "info" | "warn" | "error"; readonly format: "json" | "text" };
  readonly http: {
    readonly host: string;
    /** 0 picks a free one from 8080 to 9000. */
    readonly port: number;
    readonly healthPath: string;
    readonly readyPath: string;
    readonly metricsPath: string;
    readonly stateToken: Secret | undefined;
  };
  readonly limits: {
    readonly startup: DurationMs;
    readonly shutdown: DurationMs;
    readonly capture: DurationMs;
    readonly restore: DurationMs;
    readonly healthInterval: DurationMs;
    readonly saveInterval: DurationMs;
    readonly maxStateBytes: number;
    /** Part of `maxStateBytes` above which a capture warns. */
    readonly warnAt: number;
  };
  readonly restarts: {
    readonly alertAt: number;
    readonly goldenAt: number;
    readonly backoff: DurationMs;
  };
  readonly state: StateConfig;
  readonly output: {
    /** `amqp(s)://user:password@host`; undefined outside a cluster. */
    readonly busUrl: Secret | undefined;
    /** Where the processor is, for events that name no place. */
    readonly place: Place | undefined;
    /** Characters of the geohash per word of the routing key. */
    readonly segmentLength: number;
  };
}

export type Place = { readonly geohash: string } | { readonly latitude: number; readonly longitude: number };

export type StateConfig =
  | { readonly backend: "local" | "pvc"; readonly folder: string | undefined }
  | { readonly backend: "configmap"; readonly api: KubernetesAccess }
  | { readonly backend: "s3"; readonly bucket: S3Bucket };

/** Where the Kubernetes API is and who we are there; the token file is read anew for each call, since it is rotated. */
export interface KubernetesAccess {
  readonly url: string;
  readonly tokenFile: string;
  readonly caFile: string | undefined;
}

export interface S3Bucket {
  readonly endpoint: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret | undefined;
}

const PRESETS = {
  development: { level: "debug", backend: "local", startup: 30, shutdown: 10 },
  production: { level: "info", backend: "configmap", startup: 120, shutdown: 10 },
  "high-availability": { level: "info", backend: "pvc", startup: 120, shutdown: 60 },
} as const;
type Preset = (typeof PRESETS)[keyof typeof PRESETS];

const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
const MIB = 1024 * 1024;

/** Throws `invalid_argument` that lists every problem, one a line. */
export function parseProcessorConfig(env: Env): ProcessorConfig {
  const read = new EnvReader(env);
  const inCluster = read.text("KUBERNETES_SERVICE_HOST") !== undefined;
  const names = Object.keys(PRESETS) as (keyof typeof PRESETS)[];
  const preset = PRESETS[read.choice("DORY_PRESET", names, inCluster ? "production" : "development")];
  const identity = parseIdentity(read);
  const config: ProcessorConfig = {
    identity,
    log: {
      level: parseLevel(read, preset),
      format: read.choice("DORY_LOG_FORMAT", ["json", "text"], "json"),
    },
    http: parseHttp(read),
    limits: parseLimits(read, preset),
    restarts: {
      alertAt: read.number("DORY_MAX_RESTART_ATTEMPTS", { min: 1, max: 1000 }, 3),
      goldenAt: read.number("DORY_GOLDEN_IMAGE_THRESHOLD", { min: 1, max: 1000 }, 3),
      backoff: seconds(read.number("DORY_RESTART_BACKOFF_SEC", { min: 0, max: 300, whole: false }, 10)),
    },
    state: parseState(read, preset),
    output: parseOutput(read),
  };
  read.finish();
  return config;
}

function parseIdentity(read: EnvReader): ProcessorConfig["identity"] {
  const processorId = read.text("DORY_PROCESSOR_ID", "PROCESSOR_ID") ?? "local";
  // It becomes a routing-key word, a file name and part of a ConfigMap's name.
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(processorId)) {
    read.problem("DORY_PROCESSOR_ID", "has to be 1 to 63 lower-case letters, digits and inner hyphens");
  }
  return {
    processorId,
    podName: read.text("DORY_POD_NAME", "POD_NAME", "HOSTNAME") ?? processorId,
    namespace: read.text("DORY_POD_NAMESPACE", "POD_NAMESPACE") ?? "default",
    appVersion: read.text("DORY_APP_VERSION") ?? "unknown",
    epoch: read.number("DORY_EPOCH", { min: 0, max: Number.MAX_SAFE_INTEGER }, 0),
    migrating: read.flag("DORY_IS_MIGRATING") || read.flag("DORY_MIGRATED_FROM_EDGE"),
    previousPod: read.text("DORY_MIGRATED_FROM"),
  };
}

function parseLevel(read: EnvReader, preset: Preset): ProcessorConfig["log"]["level"] {
  const level = read.choice("DORY_LOG_LEVEL", ["debug", "info", "warn", "warning", "error"], preset.level);
  return level === "warning" ? "warn" : level;
}

function parseHttp(read: EnvReader): ProcessorConfig["http"] {
  const path = (name: string, fallback: string): string =>
    read.matching(name, /^\/[\w./-]*$/, "a path that begins with /") ?? fallback;
  const token = read.text("DORY_STATE_TOKEN");
  return {
    // A pod answers on its own address; anything else stays on this machine.
    host: read.text("POD_IP") ?? "127.0.0.1",
    port: read.number("DORY_HEALTH_PORT", { min: 0, max: 65_535 }, 0),
    healthPath: path("DORY_HEALTH_PATH", "/health"),
    readyPath: path("DORY_READY_PATH", "/ready"),
    metricsPath: path("DORY_METRICS_PATH", "/metrics"),
    stateToken: token === undefined ? undefined : new Secret(token),
  };
}

function parseLimits(read: EnvReader, preset: Preset): ProcessorConfig["limits"] {
  const span = (name: string, max: number, fallback: number, min = 1): DurationMs =>
    seconds(read.number(name, { min, max, whole: false }, fallback));
  return {
    startup: span("DORY_STARTUP_TIMEOUT_SEC", 300, preset.startup),
    shutdown: span("DORY_SHUTDOWN_TIMEOUT_SEC", 300, preset.shutdown),
    capture: span("DORY_STATE_CAPTURE_TIMEOUT_SEC", 300, 25),
    restore: span("DORY_STATE_RESTORE_TIMEOUT_SEC", 300, 25),
    healthInterval: span("DORY_HEALTH_CHECK_INTERVAL_SEC", 300, 10, 0.1),
    saveInterval: span("DORY_STATE_SAVE_INTERVAL_SEC", 3600, 5, 0.1),
    maxStateBytes: read.number("DORY_STATE_MAX_SIZE_BYTES", { min: 1024, max: 64 * MIB }, 8 * MIB),
    warnAt: read.number("DORY_STATE_SIZE_WARN_THRESHOLD", { min: 0.01, max: 1, whole: false }, 0.75),
  };
}

function parseState(read: EnvReader, preset: Preset): StateConfig {
  const backend = read.choice("DORY_STATE_BACKEND", ["local", "pvc", "configmap", "s3"], preset.backend);
  switch (backend) {
    case "local":
      return { backend, folder: read.text("DORY_STATE_PVC_MOUNT") };
    case "pvc":
      return { backend, folder: read.text("DORY_STATE_PVC_MOUNT") ?? "/data" };
    case "configmap":
      return { backend, api: parseKubernetes(read) };
    case "s3":
      return { backend, bucket: parseBucket(read) };
  }
}

function parseOutput(read: EnvReader): ProcessorConfig["output"] {
  const url = read.matching("DORY_RABBITMQ_URL", /^amqps?:\/\//, "an amqp(s) URL");
  return {
    busUrl: url === undefined ? undefined : new Secret(url),
    place: parsePlace(read),
    segmentLength: read.number("DORY_GEOHASH_SEGMENT_LENGTH", { min: 1, max: 12 }, 3),
  };
}

function parsePlace(read: EnvReader): Place | undefined {
  const geohash = read.matching("DORY_GEOHASH", /^[0-9b-hjkmnp-z]{1,12}$/, "a geohash of 1 to 12 characters");
  if (geohash !== undefined) return { geohash };
  const named = [read.text("DORY_LATITUDE"), read.text("DORY_LONGITUDE")].filter((text) => text !== undefined);
  if (named.length === 1) read.problem("DORY_LATITUDE", "and DORY_LONGITUDE are set together or not at all");
  if (named.length < 2) return undefined;
  return {
    latitude: read.number("DORY_LATITUDE", { min: -90, max: 90, whole: false }, 0),
    longitude: read.number("DORY_LONGITUDE", { min: -180, max: 180, whole: false }, 0),
  };
}

function parseKubernetes(read: EnvReader): KubernetesAccess {
  const host = read.text("KUBERNETES_SERVICE_HOST");
  const port = read.text("KUBERNETES_SERVICE_PORT_HTTPS", "KUBERNETES_SERVICE_PORT") ?? "443";
  const named = read.matching("DORY_KUBERNETES_URL", /^https?:\/\/[^\s/]+/, "an http(s) URL");
  if (named === undefined && host === undefined) {
    read.problem(
      "DORY_STATE_BACKEND",
      "is configmap, but neither KUBERNETES_SERVICE_HOST nor DORY_KUBERNETES_URL is set",
    );
  }
  const address = host?.includes(":") === true ? `[${host}]` : host;
  return {
    url: (named ?? `https://${address ?? ""}:${port}`).replace(/\/+$/, ""),
    tokenFile: read.text("DORY_KUBERNETES_TOKEN_FILE") ?? `${SERVICE_ACCOUNT_FOLDER}/token`,
    caFile:
      named?.startsWith("http:") === true
        ? undefined
        : (read.text("DORY_KUBERNETES_CA_FILE") ?? `${SERVICE_ACCOUNT_FOLDER}/ca.crt`),
  };
}

function parseBucket(read: EnvReader): S3Bucket {
  const required = (name: string): string => {
    const value = read.text(name);
    if (value === undefined) read.problem(name, "has to be set for the s3 backend");
    return value ?? "";
  };
  const region = read.text("AWS_REGION", "AWS_DEFAULT_REGION") ?? "us-east-1";
  const endpoint = read.matching("DORY_STATE_S3_ENDPOINT", /^https?:\/\/[^\s/]+/, "an http(s) URL");
  const session = read.text("AWS_SESSION_TOKEN");
  return {
    endpoint: (endpoint ?? `https://s3.${region}.amazonaws.com`).replace(/\/+$/, ""),
    bucket: required("DORY_STATE_S3_BUCKET"),
    prefix: (read.text("DORY_STATE_S3_PREFIX") ?? "dory-state").replace(/^\/+|\/+$/g, ""),
    region,
    accessKeyId: required("AWS_ACCESS_KEY_ID"),
    secretAccessKey: new Secret(required("AWS_SECRET_ACCESS_KEY")),
    sessionToken: session === undefined ? undefined : new Secret(session),
  };
}
