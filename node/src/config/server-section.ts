/** `[server]`, with `[server.embedded_auth]`: where HTTP is served, what of it, and who may call. */
import { z } from "zod";
import { Secret } from "@shoal/shared/base/secret.ts";
import { DEFAULT_AUTH_SETTINGS } from "../auth/settings.ts";
import { listenAddress, path, spanSeconds, whole } from "./values.ts";

const face = z.strictObject({ enabled: z.boolean().default(true) }).prefault({});
const texts = z.array(z.string().min(1).max(2048));

const jwt = z
  .strictObject({
    issuer: z.string().min(1).max(256).default(DEFAULT_AUTH_SETTINGS.issuer),
    access_token_expiry: spanSeconds(1).prefault(DEFAULT_AUTH_SETTINGS.accessTokenExpiry / 1000),
    refresh_token_expiry: spanSeconds(1).prefault(DEFAULT_AUTH_SETTINGS.refreshTokenExpiry / 1000),
    node_host: z.string().min(1).max(256).optional(),
  })
  .prefault({});

/** `rocksdb` is what upstream calls the one that lasts. Without a path it is part of the node's own store. */
const storage = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal(["persistent", "rocksdb"]), path: path.optional() }),
    z.strictObject({ type: z.literal("memory") }),
  ])
  .prefault({ type: "persistent" });

const cors = z
  .strictObject({
    allow_all_origins: z.boolean().default(false),
    allowed_origins: texts.default([]),
    allowed_methods: texts.optional(),
    allowed_headers: texts.optional(),
    exposed_headers: texts.optional(),
  })
  .prefault({});

const csp = z
  .strictObject({
    enabled: z.boolean().default(true),
    default_src: texts.optional(),
    script_src: texts.optional(),
    style_src: texts.optional(),
    connect_src: texts.optional(),
  })
  .prefault({});

const security = z
  .strictObject({
    max_body_size: whole(1024, 64 * 1024 * 1024).default(DEFAULT_AUTH_SETTINGS.maxBodyBytes),
    headers: z
      .strictObject({
        enabled: z.boolean().optional(),
        hsts_max_age: whole(0, 2 ** 31).optional(),
        hsts_include_subdomains: z.boolean().optional(),
        frame_options: z.string().optional(),
        content_type_options: z.string().optional(),
        referrer_policy: z.string().optional(),
        csp,
      })
      .prefault({}),
  })
  .prefault({});

const userPassword = z
  .strictObject({ min_password_length: whole(1, 1024).default(8), max_password_length: whole(1, 1024).default(128) })
  .prefault({})
  .refine((lengths) => lengths.min_password_length <= lengths.max_password_length, {
    path: ["min_password_length"],
    message: "is above max_password_length",
  });

const development = z
  .strictObject({
    enable_mock_auth: z.boolean().default(false),
    mock_auth_require_header: z.boolean().default(true),
    mock_auth_header_value: z
      .string()
      .max(1024)
      .transform((text) => new Secret(text))
      .optional(),
  })
  .prefault({})
  .refine(
    ({ enable_mock_auth: enabled, mock_auth_require_header: required, mock_auth_header_value: value }) =>
      !enabled || !required || (value !== undefined && value.reveal() !== ""),
    { path: ["mock_auth_header_value"], message: "is missing: with enable_mock_auth anybody could make tokens" },
  );

const embeddedAuth = z
  .strictObject({
    listen_addr: z.string().optional(),
    jwt,
    storage,
    cors,
    security,
    providers: z.strictObject({ user_password: z.boolean().default(true) }).prefault({}),
    user_password: userPassword,
    development,
    /** Ours: how many proxies in front append to `X-Forwarded-For`. */
    trusted_proxies: whole(0, 5).default(0),
  })
  .prefault({});

export const serverSection = z.strictObject({
  listen: z.array(listenAddress).min(1).max(16),
  auth_mode: z.enum(["proxy", "embedded"]).default("proxy"),
  admin: face,
  jsonrpc: face,
  websocket: face,
  sse: face,
  embedded_auth: embeddedAuth,
});
export type ServerSection = z.output<typeof serverSection>;

/** Keys that upstream's files have and that change nothing here; a file that sets one is told so. */
export const WITHOUT_EFFECT: readonly string[] = [
  "server.embedded_auth.listen_addr",
  "server.embedded_auth.cors.allowed_methods",
  "server.embedded_auth.cors.allowed_headers",
  "server.embedded_auth.cors.exposed_headers",
  "server.embedded_auth.security.headers.enabled",
  "server.embedded_auth.security.headers.hsts_max_age",
  "server.embedded_auth.security.headers.hsts_include_subdomains",
  "server.embedded_auth.security.headers.frame_options",
  "server.embedded_auth.security.headers.content_type_options",
  "server.embedded_auth.security.headers.referrer_policy",
  "runtime.limits.max_precompiled_module_size",
];
