/** How a node is to be served; `config/` reads it from the node's file. */

export interface ListenAddress {
  readonly host: string;
  /** 0: whichever is free. */
  readonly port: number;
}

export interface ServerConfig {
  readonly listen: readonly ListenAddress[];
  /** Stands before every path: empty, or `/name` without a slash at its end. */
  readonly prefix: string;
  /** `read-only` nodes execute nothing that a client asks for. */
  readonly mode: "standard" | "read-only";
  readonly enabled: {
    readonly admin: boolean;
    readonly jsonrpc: boolean;
    readonly websocket: boolean;
    readonly sse: boolean;
  };
  /** Origins whose pages may call; `*`: any. */
  readonly origins: "*" | readonly string[];
  /** PEM of the certificate that a proxy serves the node's address with, for clients that want to pin it. */
  readonly certificate?: string;
}
