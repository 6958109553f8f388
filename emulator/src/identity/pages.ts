/** What a person sees: a list of local users to be, and the question of a device. No passwords: this is a stand-in. */
import type { IdentityUser } from "./tokens.ts";

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem;color:#1b2733;background:#f6f8fa}
h1{font-size:1.3rem}button,input{font:inherit;padding:.6rem .9rem;border:1px solid #c3ccd5;border-radius:.4rem;background:#fff;color:inherit}
button{display:block;width:100%;margin:.5rem 0;text-align:left;cursor:pointer}button:hover,button:focus{border-color:#0b6bcb}
small{color:#5b6b7a}input{letter-spacing:.15em;text-transform:uppercase}
@media(prefers-color-scheme:dark){body{color:#dfe7ee;background:#10171e}button,input{background:#1a242e;border-color:#3a4855}small{color:#93a3b1}}`;

export function signInPage(
  to: string,
  users: readonly IdentityUser[],
  fields: Readonly<Record<string, string>>,
): string {
  return page(`Sign in to ${to}`, `<form method="post">${hidden(fields)}${userButtons(users)}</form>`);
}

export function devicePage(users: readonly IdentityUser[], userCode: string): string {
  return page(
    "Connect a device",
    `<p>Go on only if your device shows this code.</p><form method="post">
<p><label>Code <input name="user_code" value="${escape(userCode)}" autocomplete="off" required></label></p>
${userButtons(users)}<button name="user" value="">Deny</button></form>`,
  );
}

export function messagePage(title: string, message: string): string {
  return page(title, `<p>${escape(message)}</p>`);
}

function userButtons(users: readonly IdentityUser[]): string {
  return users
    .map(
      (user) =>
        `<button name="user" value="${escape(user.email)}">${escape(user.name)}<br><small>${escape(user.email)}</small></button>`,
    )
    .join("");
}

function hidden(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`)
    .join("");
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(title)}</title><style>${STYLE}</style><h1>${escape(title)}</h1>${body}
<p><small>Local identity provider: anyone on this machine may be anyone.</small></p></html>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
