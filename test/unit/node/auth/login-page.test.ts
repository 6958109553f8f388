/** The login page's script, run as a browser runs it, and the routes over real HTTP. */
import { createContext, runInContext } from "node:vm";
import { serve, type ServerType } from "@hono/node-server";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ADMIN, tokenRequest, world, type World } from "./harness.ts";

let w: World;
let server: ServerType;
let origin: string;
beforeAll(async () => {
  w = await world();
  await new Promise<void>((listening) => {
    server = serve({ fetch: w.auth.routes().fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
      origin = `http://127.0.0.1:${port}`;
      listening();
    });
  });
});
afterAll(() => new Promise((closed) => void server.close(closed)));

/** Fills in the page's form and submits it; tells what it says and where it goes. */
async function submitted(search: string, password: string): Promise<{ said: string[]; went: string | undefined }> {
  const page = await (await fetch(`${origin}/auth/login${search}`)).text();
  const script = /<script[^>]*>([\s\S]*)<\/script>/.exec(page)?.[1] ?? "";
  const said: string[] = [];
  const output = {
    set textContent(text: string) {
      said.push(text);
    },
  };
  let submit: ((event: object) => Promise<void>) | undefined;
  const elements = { username: { value: ADMIN.username }, password: { value: password } };
  const form = { elements, addEventListener: (_type: string, listener: typeof submit) => (submit = listener) };
  let went: string | undefined;
  const location = { search, origin, assign: (url: string) => (went = url) };
  const context = createContext({
    document: { querySelector: (name: string) => (name === "form" ? form : output) },
    location,
    URL,
    URLSearchParams,
    fetch: (path: string, init: RequestInit) => fetch(`${origin}/auth/${path}`, init),
  });
  runInContext(script, context);
  await submit?.({ preventDefault: () => undefined });
  expect(elements.password.value).toBe("");
  return { said, went };
}

it("signs in, and says so", async () => {
  expect(await submitted("", ADMIN.password)).toEqual({
    said: ["Signed in. You may close this page."],
    went: undefined,
  });
  expect(await submitted("", "wrong horse")).toEqual({ said: ["unknown user or wrong password"], went: undefined });
});

it("goes back to the application that it named, with tokens where no server sees them", async () => {
  const search = `?${new URLSearchParams({ "callback-url": "https://app.example/in?x=1", permissions: "context[c,u],blob" }).toString()}`;
  const { said, went } = await submitted(search, ADMIN.password);
  expect(said).toEqual(["Signing in lets https://app.example act in your name on this node."]);
  const url = new URL(went ?? "");
  expect(url.href.split("#")[0]).toBe("https://app.example/in?x=1");
  const token = new URLSearchParams(url.hash.slice(1)).get("access_token") ?? "";
  const validated = await fetch(`${origin}/auth/validate`, {
    method: "HEAD",
    headers: { authorization: `Bearer ${token}` },
  });
  expect([validated.status, validated.headers.get("x-auth-permissions")]).toEqual([200, "context[c,u],blob"]);
});

it.each(["javascript:alert(1)", "data:text/html,x", "nonsense", "//"])("goes nowhere for %s", async (callback) => {
  const search = `?${new URLSearchParams({ "callback-url": callback }).toString()}`;
  expect((await submitted(search, ADMIN.password)).went).toBe(undefined);
});

it("knows the address at the other end of a connection", async () => {
  const guess = (): Promise<Response> =>
    fetch(`${origin}/auth/token`, {
      method: "POST",
      // Nobody said that there is a proxy, so this is only what the client says.
      headers: {
        "content-type": "application/json",
        "x-forwarded-for": `203.0.113.${Math.floor(Math.random() * 250)}`,
      },
      body: JSON.stringify(tokenRequest({ provider_data: { ...ADMIN, password: "wrong horse" } })),
    });
  const statuses: number[] = [];
  for (let time = 0; time < 6; time += 1) statuses.push((await guess()).status);
  expect(statuses.at(-1)).toBe(429);
});
