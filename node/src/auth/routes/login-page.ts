/**
 * The login page: one document that loads nothing. After signing in it either says so, or, where an application sent the
 * user here with `callback-url`, names that application before and goes back to it with the tokens behind the `#`, which
 * browsers send to no server.
 */
import type { Random } from "@shoal/shared/base/random.ts";
import type { AuthSettings, CspSettings } from "../settings.ts";

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 100vh; margin: 0; }
  form { display: grid; gap: 0.75rem; width: min(22rem, 90vw); }
  input, button { font: inherit; padding: 0.5rem; }
  output { min-height: 3em; }
`;

const SCRIPT = `
  const form = document.querySelector("form");
  const say = (text) => { document.querySelector("output").textContent = text; };
  const query = new URLSearchParams(location.search);
  const callback = URL.parse(query.get("callback-url") ?? "");
  const goesBack = callback !== null && ["http:", "https:"].includes(callback.protocol);
  if (goesBack) say("Signing in lets " + callback.origin + " act in your name on this node.");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const username = form.elements.username.value;
    const permissions = (query.get("permissions") ?? "").split(/,(?![^[]*\\])/).filter((text) => text !== "");
    const answer = await fetch("token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        auth_method: "user_password",
        public_key: username,
        client_name: location.origin,
        permissions,
        timestamp: Math.floor(Date.now() / 1000),
        provider_data: { username, password: form.elements.password.value },
      }),
    });
    const { data, error } = await answer.json();
    form.elements.password.value = "";
    if (data === null) return say(error);
    if (!goesBack) return say("Signed in. You may close this page.");
    callback.hash = new URLSearchParams({ access_token: data.access_token, refresh_token: data.refresh_token }).toString();
    location.assign(callback.href);
  });
`;

export function loginPage(settings: Pick<AuthSettings, "csp" | "userPassword">, random: Random): Response {
  const nonce = Buffer.from(random.bytes(16)).toString("base64");
  const form = `
    <form>
      <h1>Sign in</h1>
      <label>User name <input name="username" autocomplete="username" required></label>
      <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
      <button>Sign in</button>
      <output></output>
    </form>
    <script nonce="${nonce}">${SCRIPT}</script>`;
  const page = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Sign in</title><style nonce="${nonce}">${STYLE}</style></head>
  <body>${settings.userPassword.enabled ? form : "<p>No way of signing in is switched on.</p>"}</body>
</html>`;
  return new Response(page, {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Cache-Control": "no-store",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      "X-Frame-Options": "DENY",
      "Content-Security-Policy": policyOf(settings.csp, nonce),
    },
  });
}

function policyOf(csp: CspSettings, nonce: string): string {
  const directives: Readonly<Record<string, readonly string[]>> = {
    "default-src": csp.defaultSrc ?? ["'none'"],
    "script-src": [`'nonce-${nonce}'`, ...(csp.scriptSrc ?? [])],
    "style-src": [`'nonce-${nonce}'`, ...(csp.styleSrc ?? [])],
    "connect-src": ["'self'", ...(csp.connectSrc ?? [])],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'none'"],
  };
  return Object.entries(directives)
    .map(([name, sources]) => `${name} ${sources.join(" ")}`)
    .join("; ");
}
