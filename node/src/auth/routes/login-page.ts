/**
 * The login page: one document that loads nothing. After signing in it either says so, or, where an application sent the
 * user here with `callback-url`, names that application before and goes back to it with the tokens behind the `#`, which
 * browsers send to no server.
 */
import type { Random } from "@shoal/shared/base/random.ts";
import type { AuthSettings, CspSettings } from "../settings.ts";

const STYLE = `
  :root {
    color-scheme: light dark;
    --ground: light-dark(#f3f6f8, #0f151b); --card: light-dark(#ffffff, #18212a); --line: light-dark(#c3ccd5, #3a4856);
    --ink: light-dark(#16202a, #e4ebf1); --deep: light-dark(#0b6b73, #52c5cc); --on-deep: light-dark(#ffffff, #06272a);
  }
  * { box-sizing: border-box; }
  body {
    font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 100vh; margin: 0;
    background: var(--ground); color: var(--ink);
  }
  form {
    display: grid; gap: 1rem; width: min(24rem, calc(100vw - 2rem)); padding: 2rem; background: var(--card);
    border: 1px solid var(--line); border-radius: 12px;
  }
  h1 { font-size: 1.5rem; margin: 0; }
  label { display: grid; gap: 0.25rem; font-size: 0.9rem; }
  input, button { font: inherit; width: 100%; padding: 0.6rem 0.75rem; border-radius: 8px; }
  input { border: 1px solid var(--line); background: var(--ground); color: inherit; }
  button { border: 0; background: var(--deep); color: var(--on-deep); font-weight: 600; cursor: pointer; }
  :focus-visible { outline: 2px solid var(--deep); outline-offset: 2px; }
  output:empty { display: none; }
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
  <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Sign in</title><style nonce="${nonce}">${STYLE}</style></head>
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
