/** The page of a node in a browser tab, built once, and a Chromium that opens it. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { buildTab } from "@shoal/node/browser/build.ts";

const CHROMIUM = "/usr/bin/chromium";

/** A name that is this machine, and is not taken for it: to the browser the page came from elsewhere. */
export const ELSEWHERE = "elsewhere.test";

/** Why there is no browser; empty where there is one. */
export const noChromium = existsSync(CHROMIUM) ? "" : "no chromium here";

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", `--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`],
  });

export async function builtTab(): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const parent = await mkdtemp(join(tmpdir(), "shoal-tab-"));
  const folder = join(parent, "tab");
  await buildTab(folder);
  return { folder, remove: () => rm(parent, { recursive: true, force: true }) };
}

export interface OpenTab {
  readonly page: Page;
  /** What the page complained of: errors, refusals by its policy. */
  readonly complaints: readonly string[];
  /** Resolves when the node of the tab is up. */
  up(): Promise<void>;
  /** Fills a form and sends it. */
  fill(form: "join" | "call" | "dial", fields: Readonly<Record<string, string>>): Promise<void>;
  /** Calls a method by the page's form; its result as a value, its error as an `Error`. */
  call(method: string, args: unknown): Promise<unknown>;
  text(selector: string): Promise<string>;
}

/** A tab of a browser profile, on the page that the node at `url` serves. */
export async function openTab(profile: BrowserContext, url: string, name = "tab"): Promise<OpenTab> {
  const page = await profile.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error.stack)));
  await page.goto(`${url}/tab/?name=${name}`);
  const text = async (selector: string): Promise<string> => (await page.locator(selector).textContent()) ?? "";
  const fill: OpenTab["fill"] = async (form, fields) => {
    for (const [field, value] of Object.entries(fields)) await page.locator(`#${form} [name=${field}]`).fill(value);
    await page.locator(`#${form} button`).click();
    await page.locator(`#${form} button:enabled`).waitFor();
  };
  return {
    page,
    complaints,
    up: () => page.locator("#node").waitFor(),
    fill,
    async call(method, args) {
      await fill("call", { method, args: JSON.stringify(args) });
      const result = await text("#result");
      if ((await page.locator("#result.bad").count()) > 0) throw new Error(result);
      return result === "nothing" ? undefined : (JSON.parse(result) as unknown);
    },
    text,
  };
}
