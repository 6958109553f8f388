/** People with a node each, who do everything by the command line: its commands, run in this process, against their own node. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../support/clock.ts";
import { startMesh, type Mesh, type MeshNode } from "../support/mesh.ts";
import { builtApp } from "../unit/sdk/app/built.ts";
import { nodeShell } from "../unit/cli/node-shell.ts";

export interface Person {
  readonly node: MeshNode;
  /** base58, as members are named. */
  readonly account: string;
  /** What a command writes with `--quiet`. Rejects where it fails. */
  readonly shoal: (...args: readonly string[]) => Promise<string>;
  readonly json: <T = Record<string, unknown>>(...args: readonly string[]) => Promise<T>;
  /** What it says of a command that it refuses; rejects where it does not. */
  readonly refused: (...args: readonly string[]) => Promise<string>;
}

export interface People {
  readonly mesh: Mesh;
  readonly all: readonly Person[];
  /** The key-value app, installed on the first person's node. */
  readonly application: string;
  end(): Promise<void>;
}

export async function people(count: number): Promise<People> {
  const mesh = await startMesh(count);
  try {
    const all = mesh.nodes.map((node) => person(node, mesh.folder));
    const file = join(mesh.folder, "kv.wasm");
    await writeFile(file, await builtApp("kv-store"));
    const application = await all[0]?.shoal("app", "install", file, "--package", "kv", "--app-version", "1.0.0");
    return { mesh, all, application: application ?? "", end: () => mesh.end() };
  } catch (thrown) {
    await mesh.end();
    throw thrown;
  }
}

function person(node: MeshNode, folder: string): Person {
  const shell = nodeShell(folder);
  const at = ["--api", node.url];
  return {
    node,
    account: node.account,
    shoal: (...args) => shell.out(...args, ...at, "-q"),
    json: (...args) => shell.json(...args, ...at),
    async refused(...args) {
      const { code, err } = await shell.shoal(...args, ...at);
      if (code === 0) throw new Error(`${node.name} was let: shoal ${args.join(" ")}`);
      return err;
    },
  };
}

export const lines = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");

/** Resolves when the command says this, with `-q`, to each of them. */
export async function say(
  all: readonly Person[],
  args: readonly string[],
  is: (said: string) => boolean,
  withinMs?: number,
): Promise<void> {
  for (const { node, shoal } of all) {
    let said = "";
    const isSaid = async (): Promise<true | undefined> => {
      said = await shoal(...args).catch((thrown: unknown) => String(thrown));
      return is(said) ? true : undefined;
    };
    await eventually(isSaid, `${node.name}: shoal ${args.join(" ")}`, withinMs).catch((cause: unknown) => {
      throw new Error(`${node.name} says of ${args.join(" ")}: ${said}`, { cause });
    });
  }
}

/** Resolves when all of them name exactly these members. */
export const agreeOnMembers = (all: readonly Person[], group: string, members: readonly Person[]): Promise<void> => {
  const expected = members.map(({ account }) => account).toSorted();
  return say(all, ["group", "members", "list", group], (said) => lines(said).toSorted().join() === expected.join());
};

/** Resolves when all of them read the value; undefined: that there is none. */
export const agreeOnValue = (all: readonly Person[], context: string, key: string, value?: string): Promise<void> =>
  say(
    all,
    ["call", context, "get", "--args", JSON.stringify({ key })],
    (said) => said === JSON.stringify(value ?? null),
  );

export const store = ({ shoal }: Person, context: string, key: string, value: string): Promise<string> =>
  shoal("call", context, "set", "--args", JSON.stringify({ key, value }));
