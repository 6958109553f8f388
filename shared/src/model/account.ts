/** Accounts: organisations own everything; users belong to them by a role; API keys act for them within scopes. */

export const ROLES = ["owner", "admin", "member", "viewer"] as const;
export type Role = (typeof ROLES)[number];

/** What a caller may do. `*:read` covers get, list, logs and events; `*:write` everything that changes. */
export const SCOPES = [
  "processors:read",
  "processors:write",
  "templates:read",
  "templates:write",
  "accounts:read",
  "accounts:write",
  "audit:read",
] as const;
export type Scope = (typeof SCOPES)[number];

export const ROLE_SCOPES: Record<Role, readonly Scope[]> = {
  owner: SCOPES,
  admin: SCOPES,
  member: ["processors:read", "processors:write", "templates:read", "templates:write", "accounts:read"],
  viewer: ["processors:read", "templates:read", "accounts:read"],
};

export const ACCOUNT_LIMITS = {
  nameMaxLength: 80,
  sessionHours: 12,
  apiKeyMaxDays: 366,
} as const;
