/**
 * Several real nodes on this machine, each a process of its own in a folder of its own, that know each other through the
 * first. They can be killed, paused and kept apart; an address stays the same over restarts.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createNodeClient, type NodeHttpClient } from "@shoal/client/node/client.ts";
import { initNode } from "@shoal/node/config/init.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { ROOT } from "../tidy/tree.ts";
import { eventually } from "./clock.ts";
import { freePort } from "./free-port.ts";

export interface MeshNode {
  readonly name: string;
  readonly peerId: string;
  /** base58 of the account's key. */
  readonly account: string;
  /** Where peers dial it. */
  readonly address: string;
  readonly url: string;
  readonly client: NodeHttpClient;
  readonly pid: number | undefined;
  /** `clockShiftMs`: how far its clock is before ours. */
  start(options?: { readonly clockShiftMs: number }): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  pause(): void;
  resume(): void;
}

export interface Mesh {
  readonly nodes: readonly MeshNode[];
  readonly folder: string;
  /** A further node, started. */
  add(name: string): Promise<MeshNode>;
  /** Each side refuses the other until `heal`. */
  part(left: readonly MeshNode[], right: readonly MeshNode[]): Promise<void>;
  heal(): Promise<void>;
  end(): Promise<void>;
}

export interface MeshOptions {
  /** `warn` by default; what nodes log goes to standard error. */
  readonly logLevel?: string;
  /** The node's program; the sources by default. */
  readonly program?: string;
  /** Where the page for browser tabs was built to. */
  readonly tabFolder?: string;
}

export async function startMesh(count: number, options: MeshOptions = {}): Promise<Mesh> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-mesh-"));
  const nodes: MeshNode[] = [];
  const apart: (readonly [MeshNode, MeshNode])[] = [];
  const add = async (name: string): Promise<MeshNode> => {
    const [first] = nodes;
    const node = await makeNode(folder, name, first === undefined ? [] : [first.address], options);
    nodes.push(node);
    await node.start();
    return node;
  };
  const end = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.kill()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (let n = 0; n < count; n++) await add(`n${n + 1}`);
  } catch (thrown) {
    // Nobody else knows of those that did start.
    await end();
    throw thrown;
  }
  const each = async (verb: "block" | "unblock"): Promise<void> => {
    for (const [one, other] of apart) {
      await told(one, verb, other);
      await told(other, verb, one);
    }
  };
  return {
    nodes,
    folder,
    add,
    async part(left, right) {
      for (const one of left) for (const other of right) apart.push([one, other]);
      await each("block");
    },
    async heal() {
      await each("unblock");
      apart.length = 0;
    },
    end,
  };
}

/** Again where the connection that the client had kept belonged to a process that is gone. */
function told({ name, client }: MeshNode, verb: "block" | "unblock", { peerId }: MeshNode): Promise<unknown> {
  return eventually(() => client.call(`network.${verb}`, { body: { peerId } }), `${name} is told to ${verb} a peer`);
}

async function makeNode(
  folder: string,
  name: string,
  bootNodes: readonly string[],
  options: MeshOptions,
): Promise<MeshNode> {
  const [swarmPort, swarmWebSocketPort, serverPort] = [await freePort(), await freePort(), await freePort()];
  const made = await initNode({
    home: folder,
    name,
    options: {
      serverHost: ["127.0.0.1"],
      serverPort,
      swarmHost: ["127.0.0.1"],
      swarmPort,
      swarmWebSocketPort,
      authMode: "proxy",
      noAdministrator: true,
      mdns: false,
      bootNodes,
    },
    env: {},
    clock: systemClock,
    random: systemRandom,
  });
  const url = `http://127.0.0.1:${serverPort}`;
  const client = createNodeClient({ baseUrl: url });
  let child: ChildProcess | undefined;
  const gone = async (signal: NodeJS.Signals): Promise<number | null> => {
    const leaving = child;
    child = undefined;
    // One that ended by itself says so once only.
    if (leaving === undefined || leaving.exitCode !== null) return leaving?.exitCode ?? null;
    const exit = once(leaving, "exit") as Promise<[number | null]>;
    leaving.kill("SIGCONT");
    leaving.kill(signal);
    return (await exit)[0];
  };
  return {
    name,
    peerId: made.peerId,
    account: made.account,
    address: `/ip4/127.0.0.1/tcp/${swarmPort}/p2p/${made.peerId}`,
    url,
    client,
    get pid() {
      return child?.pid;
    },
    async start({ clockShiftMs } = { clockShiftMs: 0 }) {
      const program = options.program ?? join(ROOT, "node/src/main.ts");
      const flags = clockShiftMs === 0 ? [] : ["--import", join(ROOT, "test/support/shifted-clock.ts")];
      const args = [...flags, program, "--home", folder, "--node", name, "--log-level", options.logLevel ?? "warn"];
      const env = {
        ...process.env,
        SHIFTED_CLOCK_MS: String(clockShiftMs),
        ...(options.tabFolder === undefined ? {} : { SHOAL_TAB_FOLDER: options.tabFolder }),
      };
      child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
      await ready(child);
    },
    async kill() {
      await gone("SIGKILL");
    },
    stop: () => gone("SIGTERM"),
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
  };
}

async function ready(child: ChildProcess): Promise<void> {
  if (child.stdout === null) throw new Error("the node's output is not read");
  for await (const line of createInterface({ input: child.stdout })) {
    if ((JSON.parse(line) as { readonly ready?: boolean }).ready === true) return;
  }
  throw new Error(`the node ended before it was ready: ${String(child.exitCode)}`);
}
