/** Configuration as people give it: JSON, or a file that holds it (`-` is standard input), and `--env NAME=VALUE` beside it. */
import { readFile } from "node:fs/promises";
import { Option, type Command } from "commander";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { text, texts, type Options } from "./session.ts";

type Json = Readonly<Record<string, unknown>>;

export function configOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--config <json|file>", "configuration as JSON, or a file that holds it; - is standard input"),
    )
    .addOption(new Option("--env <name=value...>", "environment variables, laid over the file's"));
}

/** Undefined where nothing was given. Throws `invalid_argument` for what is no JSON object or no NAME=VALUE. */
export async function configOf(options: Options): Promise<Json | undefined> {
  const path = text(options, "config");
  const config = path === undefined ? undefined : await readJson(path);
  const vars: Record<string, string | null> = {};
  for (const given of texts(options, "env")) {
    const equals = given.indexOf("=");
    if (equals < 1) throw new ShoalError("invalid_argument", `${given} is not NAME=VALUE`, { field: "--env" });
    vars[given.slice(0, equals)] = given.slice(equals + 1);
  }
  for (const name of texts(options, "unsetEnv")) vars[name] = null;
  if (Object.keys(vars).length === 0) return config;
  const before = config?.["env_vars"];
  return { ...config, env_vars: { ...(typeof before === "object" ? before : {}), ...vars } };
}

async function readJson(path: string): Promise<Json> {
  let value: unknown;
  try {
    value = JSON.parse(await given(path));
  } catch (thrown) {
    const what = isInline(path) ? "what was given is no JSON" : `${path} is no JSON file`;
    throw new ShoalError("invalid_argument", `${what}: ${messageOf(thrown)}`, {
      field: "--config",
      cause: thrown,
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ShoalError("invalid_argument", `${path} has to hold a JSON object`, { field: "--config" });
  return value as Json;
}

/** No file's name begins like an object. */
const isInline = (text: string): boolean => text.trimStart().startsWith("{");

async function given(text: string): Promise<string> {
  if (isInline(text)) return text;
  return text === "-" ? readAll() : readFile(text, "utf8");
}

async function readAll(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString("utf8");
}
