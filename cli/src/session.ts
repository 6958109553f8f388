/** What a command gets: a client for the control plane that is meant, an output, and the signal by which Ctrl-C ends it. */
import type { Command } from "commander";
import { createClient, type Client } from "@shoal/client/index.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { createOutput, type Format, type Output, type Streams } from "./output.ts";
import { findConnection, type Connection, type ConnectionFlags, type Surroundings } from "./settings/connection.ts";
import type { NodeConnection } from "./settings/nodes.ts";

/** The process, as far as commands may see it. */
export interface Runtime extends Surroundings {
  readonly streams: Streams;
  readonly signal: AbortSignal;
  /** The connection in use, kept for the hint of a failure. */
  connection: Connection | undefined;
  /** The node in use, likewise. */
  node: NodeConnection | undefined;
  /** Set by a command that did its work and has bad news. */
  exitCode: number;
}

export interface Session {
  readonly runtime: Runtime;
  readonly connection: Connection;
  readonly client: Client;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Options as commander gives them; read through the functions below. */
export type Options = Readonly<Record<string, unknown>>;
export type Act = (session: Session, args: readonly string[], options: Options) => Promise<void>;

/** A person waits: what does not come back within a second is told. */
const TRIES = 3;

export function outputOf(runtime: Runtime, options: Options): Output {
  return createOutput(runtime.streams, (options["output"] as Format | undefined) ?? "table", options["quiet"] === true);
}

export function flagsOf(options: Options): ConnectionFlags {
  const [url, token, profile] = [text(options, "url"), text(options, "token"), text(options, "profile")];
  return {
    ...(url === undefined ? {} : { url }),
    ...(token === undefined ? {} : { token }),
    ...(profile === undefined ? {} : { profile }),
  };
}

/** Makes a command's action of a function that needs a session. */
export function act(runtime: Runtime, body: Act): (...all: unknown[]) => Promise<void> {
  return async (...all) => {
    const command = all.at(-1) as Command;
    const options = command.optsWithGlobals<Options>();
    const connection = await findConnection(flagsOf(options), runtime);
    runtime.connection = connection;
    const client = clientOf(connection);
    await body(
      { runtime, connection, client, output: outputOf(runtime, options), signal: runtime.signal },
      command.args,
      options,
    );
  };
}

export function clientOf(connection: Pick<Connection, "url" | "token">): Client {
  const { url, token } = connection;
  return createClient({ baseUrl: url, tries: TRIES, ...(token === undefined ? {} : { token }) });
}

export function text(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

export function texts(options: Options, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value.map(String) : [];
}

/** A required argument; commander has checked that it is there. */
export function argument(args: readonly string[], index: number): string {
  const value = args[index];
  if (value === undefined) throw new ShoalError("invalid_argument", "an argument is missing");
  return value;
}
