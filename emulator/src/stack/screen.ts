/** What a person sees of a start: one line a part as it becomes ready, and in the end a table of where everything is. */
import { relative } from "node:path";
import type { LocalFile } from "./folder.ts";
import type { StackSettings } from "./settings.ts";
import type { Progress } from "./starter.ts";

export interface Screen {
  readonly progress: Progress;
  say(text: string): void;
  /** No more progress: what was a changing line is cleared. */
  end(): void;
}

export function createScreen(out: NodeJS.WriteStream): Screen {
  const since = new Map<string, number>();
  const clear = (): void => {
    if (out.isTTY) out.write("\r\x1b[K");
  };
  const waiting = (): void => {
    if (out.isTTY && since.size > 0)
      out.write(`  ... ${[...since.keys()].join(", ")}`.slice(0, Math.max(20, out.columns - 1)));
  };
  return {
    progress: {
      begun: (name) => {
        since.set(name, performance.now());
        clear();
        waiting();
      },
      done: (name) => {
        const seconds = (performance.now() - (since.get(name) ?? 0)) / 1000;
        since.delete(name);
        clear();
        out.write(`  ready  ${name.padEnd(20)} ${seconds.toFixed(1)} s\n`);
        waiting();
      },
    },
    say: (text) => {
      clear();
      out.write(`${text}\n`);
    },
    end: clear,
  };
}

/** Where everything is. What is not known yet is left out. */
export function describeStack(
  settings: StackSettings,
  local: Partial<LocalFile>,
  images: Readonly<Record<string, string>>,
): string {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["API", local.apiUrl === undefined ? undefined : `${local.apiUrl}/api/v1`],
    ["OpenAPI", local.apiUrl === undefined ? undefined : `${local.apiUrl}/api/v1/openapi.json`],
    ["metrics", local.apiUrl === undefined ? undefined : `${local.apiUrl}/metrics`],
    ["API key", local.token],
    ["kubeconfig", local.kubeconfig === undefined ? undefined : here(local.kubeconfig)],
    ["bus (AMQP)", local.amqpUrl],
    ["sign-in (OIDC)", local.issuer],
    ...Object.entries(images).map(([name, reference]) => [`image ${name}`, reference] as const),
    ["log", here(`${settings.dataDir}/shoal.log`)],
  ];
  const shown = rows.flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, value] as const]));
  const width = Math.max(...shown.map(([name]) => name.length));
  return `\n${shown.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join("\n")}\n`;
}

function here(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}
