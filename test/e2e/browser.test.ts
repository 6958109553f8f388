/**
 * A browser tab as a member: on the page that a node serves it joins by invitation, gets the context and its application from
 * members, reads, writes and hears events; closed and opened again it finds everything, and what was written meanwhile.
 */
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { textOf } from "@shoal/cli/node/pasted.ts";
import { INVITATION_MARK } from "@shoal/shared/wire/node/governance/invitations.ts";
import { eventually } from "../support/clock.ts";
import { startMesh, type Mesh, type MeshNode } from "../support/mesh.ts";
import { makeTeam, read, rootsOf, write, type Team } from "../support/mesh-team.ts";
import { builtTab, ELSEWHERE, launch, noChromium, openTab, type OpenTab } from "../support/tab.ts";

const WITHIN_MS = 30_000;

describe.skipIf(noChromium !== "")(`a node in a browser tab${noChromium}`, () => {
  let built: Awaited<ReturnType<typeof builtTab>> | undefined;
  let mesh: Mesh;
  let [one, two]: MeshNode[] = [];
  let team: Team;
  let browser: Browser;
  let profile: BrowserContext;
  let tab: OpenTab;

  const pair = (): readonly [MeshNode, MeshNode] => {
    if (one === undefined || two === undefined) throw new Error("the mesh is not up");
    return [one, two];
  };
  /** As the command line writes it. */
  const invitation = async (): Promise<string> => {
    const params = { namespace: team.namespaceId };
    const { data } = await pair()[0].client.call("namespaces.invite", { params, body: {} });
    return textOf({ mark: INVITATION_MARK }, data.invitation);
  };
  /** Resolves when the tab reads that value. */
  const seen = (key: string, value: string): Promise<true> =>
    eventually(
      async () => ((await tab.call("get", { key }).catch(() => undefined)) === value ? true : undefined),
      `the tab reads ${key}`,
      WITHIN_MS,
    );

  beforeAll(async () => {
    built = await builtTab();
    mesh = await startMesh(2, { tabFolder: built.folder });
    [one, two] = mesh.nodes;
    team = await makeTeam(mesh.nodes);
    browser = await launch();
    profile = await browser.newContext();
    tab = await openTab(profile, pair()[0].url);
    await tab.up();
  }, 120_000);
  afterAll(async () => {
    // Each of them only where the one before it came up.
    await browser?.close();
    await mesh?.end();
    await built?.remove();
  });

  test("what is no invitation, and no address for a tab, is refused in words", async () => {
    await tab.fill("join", { invitation: "shoal1.bm90aGluZw" });
    expect(await tab.text("#join .answer")).toContain("no invitation");
    await tab.fill("dial", { address: pair()[1].address });
    expect(await tab.text("#dial .answer")).toContain("WebSocket addresses only");
  });

  test("a page that came over plain HTTP from elsewhere says why its node does not open", async () => {
    const other = await openTab(profile, pair()[0].url.replace("127.0.0.1", ELSEWHERE));
    await other.page.locator("#problem").waitFor();
    expect(await other.text("#problem")).toContain("needs https");
    await other.page.close();
  });

  test("joins by invitation, and reads what nodes wrote", { timeout: 60_000 }, async () => {
    const { contextId } = team;
    const [a, b] = pair();
    await write(a, contextId, "by one", "first");
    await write(b, contextId, "by two", "second");
    await tab.fill("join", { invitation: await invitation() });
    expect(await tab.text("#join .answer")).toContain("Joined");
    await tab.page.locator(`#contexts code:text-is("${contextId}")`).waitFor({ timeout: WITHIN_MS });
    await seen("by one", "first");
    await seen("by two", "second");
  });

  test("writes what nodes read, and hears what nodes write", { timeout: 60_000 }, async () => {
    const { contextId } = team;
    const [a, b] = pair();
    await tab.call("set", { key: "by the tab", value: "third" });
    for (const node of [a, b]) {
      const isRead = async () => ((await read(node, contextId, "by the tab")) === "third" ? true : undefined);
      await eventually(isRead, `${node.name} reads it`, WITHIN_MS);
    }
    await write(b, contextId, "heard", "in the tab");
    await tab.page.locator("#events code", { hasText: "in the tab" }).first().waitFor({ timeout: WITHIN_MS });
  });

  test("has the root that nodes have, whatever text went in, and on whichever side", { timeout: 60_000 }, async () => {
    const { contextId } = team;
    for (const text of ["", "Größe 🐟", "\u0000\u0001", "\ufeffmarked", "\ud800 alone", "x".repeat(5000)]) {
      await tab.call("set", { key: `tab ${text.slice(0, 20)}`, value: text });
      await write(pair()[1], contextId, `node ${text.slice(0, 20)}`, text);
    }
    await tab.call("remove", { key: "by one" });
    const root = async (): Promise<string | undefined> => {
      const contexts = await tab.page.evaluate(() => {
        const { shoal } = globalThis as unknown as { shoal: { tab: { contexts(): Promise<{ root?: string }[]> } } };
        return shoal.tab.contexts();
      });
      return contexts[0]?.root;
    };
    const isEqual = async (): Promise<true | undefined> =>
      [...(await rootsOf(mesh.nodes, contextId)), await root()].every((one, _, [first]) => one === first)
        ? true
        : undefined;
    await eventually(isEqual, "the tab has the nodes' root", WITHIN_MS);
    expect(await tab.call("get", { key: "node Größe 🐟" })).toBe("Größe 🐟");
    expect((await read(pair()[0], contextId, "by one")) ?? null).toBeNull();
  });

  test("says in words why a call failed", async () => {
    await expect(tab.call("no_such_method", {})).rejects.toThrow(`method "no_such_method" not found`);
  });

  test("a second tab of the same name is refused in words, one of another name is a node of its own", async () => {
    const second = await openTab(profile, pair()[0].url);
    await second.page.locator("#problem").waitFor();
    expect(await second.text("#problem")).toContain("open in another tab");
    await second.page.close();
    const other = await openTab(profile, pair()[0].url, "other");
    await other.up();
    expect(await other.text("#account")).not.toBe(await tab.text("#account"));
    await other.page.close();
  });

  test("closed and opened again it finds everything, and what was written meanwhile", { timeout: 60_000 }, async () => {
    const account = await tab.text("#account");
    await tab.call("set", { key: "kept", value: "in this browser" });
    await tab.page.close();
    await write(pair()[1], team.contextId, "meanwhile", "written");
    tab = await openTab(profile, pair()[0].url);
    await tab.up();
    expect(await tab.text("#account")).toBe(account);
    // Before any peer could have told it.
    await tab.page.locator(`#contexts code:text-is("${team.contextId}")`).waitFor();
    expect(await tab.call("get", { key: "kept" })).toBe("in this browser");
    expect(await tab.call("get", { key: "by two" })).toBe("second");
    await seen("meanwhile", "written");
  });

  test("removed, it reads nothing that is written afterwards", { timeout: 60_000 }, async () => {
    const { contextId, namespaceId } = team;
    const [a, b] = pair();
    const members = [await tab.text("#account")];
    await a.client.call("members.remove", { params: { group: namespaceId }, body: { members } });
    await write(a, contextId, "secret", "for members");
    const isRead = async () => ((await read(b, contextId, "secret")) === "for members" ? true : undefined);
    await eventually(isRead, "the other node reads it", WITHIN_MS);
    // It asks, and nobody tells it anything.
    await tab.page.evaluate(async (id) => {
      const { shoal } = globalThis as unknown as { shoal: { tab: { sync(id: string): Promise<void> } } };
      await shoal.tab.sync(id).catch(() => undefined);
    }, contextId);
    expect(await tab.call("get", { key: "secret" }).catch(() => null)).toBeNull();
  });

  test("the page did nothing that its policy forbids, and failed nowhere", () => {
    expect(tab.complaints).toEqual([]);
  });
});
