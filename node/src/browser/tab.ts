/**
 * What a page has of its node: opened here, and put where other scripts find it, as `globalThis.shoal`. Arguments and results are
 * values, ids and keys are text as elsewhere.
 */
import { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { silentLog, type Log } from "@shoal/shared/base/log.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { parseBase58, type ContextId } from "../model/ids.ts";
import type { Context } from "../model/context.ts";
import { claim } from "./claim.ts";
import { readInvitation } from "./invitation.ts";
import { startBrowserNode, type BrowserNode } from "./node.ts";
import { tabEvent, type TabEvent } from "./tab-event.ts";
import { wordsOf } from "./words.ts";

export { wordsOf };

// A page that forbids text to become code is told of every attempt: parsers are not compiled here.
z.config({ jitless: true });

export interface Tab {
  readonly account: string;
  readonly peerId: string;
  /**
   * Takes an invitation as the command line and the API write it, as text or value; the contexts of its group follow by
   * themselves. Rejects `invalid_argument` for what is none, `unavailable` where no peer that knows the group answers.
   */
  join(invitation: unknown): Promise<void>;
  /** Contexts that are here, with their roots and how level they are. */
  contexts(): Promise<readonly TabContext[]>;
  /** Runs a method; its output as a value. */
  call(contextId: string, method: string, args?: unknown): Promise<unknown>;
  sync(contextId: string): Promise<void>;
  /** Connected peers. */
  peers(): Promise<readonly string[]>;
  /** Connects to a multiaddress over WebSocket; resolves with who is there. Rejects `invalid_argument` for any other. */
  dial(address: string): Promise<string>;
  /** Returns how to stop. */
  onEvent(listener: (event: TabEvent) => void): () => void;
  /** Resolves when everything is kept; another tab may open it then. */
  close(): Promise<void>;
}

export interface TabContext {
  readonly id: string;
  /** `waiting` until its first state has come; then `level`, `syncing`, `retrying`, or `diverged` while it cannot be levelled. */
  readonly state: string;
  /** Absent while it waits. */
  readonly root?: string;
  /** Methods of its application, once that has come. */
  readonly methods: readonly string[];
  /** Why the last sync failed, where it did. */
  readonly error?: string;
}

export interface TabOptions {
  /** Names the data; two names are two nodes. */
  readonly name?: string;
  /** Multiaddresses over WebSocket. */
  readonly peers?: readonly string[];
  readonly log?: Log;
}

/** Rejects `conflict` while another tab has the name, `unavailable` where the browser keeps nothing for the page. */
export async function openTab({ name = "tab", peers = [], log = silentLog }: TabOptions = {}): Promise<Tab> {
  const release = await claim(name);
  try {
    const init = { name, bootNodes: peers, clock: systemClock, random: systemRandom, log };
    return faceOf(await startBrowserNode(init), release);
  } catch (thrown) {
    release();
    throw thrown;
  }
}

function faceOf(node: BrowserNode, release: () => void): Tab {
  const { contexts, governance, network, events } = node;
  const idOf = (text: string): ContextId => parseBase58<ContextId>(text, "contextId");
  return {
    account: node.account,
    peerId: node.peerId,
    join: async (invitation) => governance.join(readInvitation(invitation)),
    async contexts() {
      const list = await contexts.listContexts();
      return Promise.all(list.map((context) => contextOf(node, context)));
    },
    async call(contextId, method, args = {}) {
      const input = { contextId: idOf(contextId), method, args: new TextEncoder().encode(JSON.stringify(args)) };
      const { output } = await contexts.execute(input);
      return output === undefined ? undefined : (JSON.parse(new TextDecoder().decode(output)) as unknown);
    },
    sync: (contextId) => contexts.sync(idOf(contextId)),
    peers: () => network.peers(),
    dial: async (address) => network.dial(dialled(address)),
    onEvent: (listener) => events.subscribe((event) => listener(tabEvent(event))),
    async close() {
      await node.close();
      release();
    },
  };
}

/** What the network would refuse in words of its own. */
function dialled(address: string): string {
  if (/\/wss?(\/|$)/.test(address)) return address;
  const expected = "a page can dial WebSocket addresses only, such as /ip4/192.0.2.7/tcp/2628/ws/p2p/12D3KooW…";
  throw new ShoalError("invalid_argument", expected, { field: "address" });
}

async function contextOf(node: BrowserNode, { id, rootHash, ...context }: Context): Promise<TabContext> {
  const { isInitialized, syncState, lastError } = await node.contexts.syncStatus(id);
  const application = await node.applications.get(context.applicationId, context.version);
  const module = application?.modules.find(({ service }) => service === context.service);
  return {
    id,
    state: syncState === "idle" ? "level" : syncState,
    ...(isInitialized ? { root: rootHash } : {}),
    methods: module?.methods.filter((method) => !method.startsWith("_")) ?? [],
    ...(lastError === undefined ? {} : { error: lastError }),
  };
}

Object.assign(globalThis, { shoal: { openTab, wordsOf } });
