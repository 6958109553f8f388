/**
 * The page's program: opens the tab's node and puts it where the page and other scripts find it, as `globalThis.shoal`. Bytes
 * and ids are as JSON has them elsewhere: arguments and results are values, keys are base58.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { silentLog, type Log } from "@shoal/shared/base/log.ts";
import { signedInvitationSchema } from "@shoal/shared/wire/node/governance/invitations.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import type { SyncStatus } from "../clients/context-client.ts";
import type { NodeEvent } from "../model/event.ts";
import { parseBase58, type ContextId } from "../model/ids.ts";
import { invitationOf } from "../server/admin/governance/invitation-wire.ts";
import { startBrowserNode, type BrowserNode } from "./node.ts";

export interface Tab {
  readonly account: string;
  readonly peerId: string;
  /** Takes an invitation as the command line and the API write it; the contexts of its group follow by themselves. */
  join(invitation: unknown): Promise<void>;
  /** Contexts that are here, with their roots and how level they are. */
  contexts(): Promise<readonly TabContext[]>;
  /** Runs a method; its output as a value. */
  call(contextId: string, method: string, args?: unknown): Promise<unknown>;
  sync(contextId: string): Promise<void>;
  /** Connected peers. */
  peers(): Promise<readonly string[]>;
  dial(address: string): Promise<string>;
  /** Returns how to stop. */
  onEvent(listener: (event: NodeEvent) => void): () => void;
  close(): Promise<void>;
}

export interface TabContext extends Pick<SyncStatus, "syncState" | "isInitialized"> {
  readonly id: string;
  readonly root: string;
  readonly methods: readonly string[];
}

export interface TabOptions {
  /** Names the data; two names are two nodes. */
  readonly name?: string;
  /** Multiaddresses over WebSocket. */
  readonly peers?: readonly string[];
  readonly log?: Log;
}

interface Locks {
  request(name: string, options: { readonly ifAvailable: true }, work: (lock: unknown) => Promise<void>): Promise<void>;
}

/** Resolves with how to let go; rejects `conflict` while another tab has the name. */
async function claim(name: string): Promise<() => void> {
  const { locks } = globalThis.navigator as unknown as { readonly locks: Locks };
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  return new Promise((resolve, reject) => {
    const working = locks.request(`shoal-${name}`, { ifAvailable: true }, async (lock) => {
      if (lock === null) throw new ShoalError("conflict", "this node is open in another tab");
      resolve(release);
      await held;
    });
    working.catch(reject);
  });
}

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
    join: (invitation) => governance.join(invitationOf(signedInvitationSchema.parse(invitation))),
    async contexts() {
      const list = await contexts.listContexts();
      return Promise.all(
        list.map(async ({ id, rootHash }) => {
          const { syncState, isInitialized } = await contexts.syncStatus(id);
          return { id, root: rootHash, syncState, isInitialized, methods: [] };
        }),
      );
    },
    async call(contextId, method, args = {}) {
      const input = { contextId: idOf(contextId), method, args: new TextEncoder().encode(JSON.stringify(args)) };
      const { output } = await contexts.execute(input);
      return output === undefined ? undefined : (JSON.parse(new TextDecoder().decode(output)) as unknown);
    },
    sync: (contextId) => contexts.sync(idOf(contextId)),
    peers: () => network.peers(),
    dial: (address) => network.dial(address),
    onEvent: (listener) => events.subscribe(listener),
    async close() {
      await node.close();
      release();
    },
  };
}

(globalThis as unknown as { shoal: { openTab: typeof openTab } }).shoal = { openTab };
