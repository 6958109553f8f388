/** A processor's own HTTP routes, served beside its probes while it is ready. */

export interface RouteRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body as UTF-8. Throws `payload_too_large` above `ROUTE_BODY_MAX_BYTES`. */
  text(): Promise<string>;
}

export interface RouteReply {
  /** 200 where left out. */
  readonly status?: number;
  /** Text goes as it is, anything else as JSON. */
  readonly body: unknown;
}

/** Keyed by method and path, such as `POST /text`. A `ShoalError` becomes its status, any other error 500. */
export type Routes = Readonly<Record<`${"GET" | "POST" | "PUT" | "DELETE"} /${string}`, RouteHandler>>;
export type RouteHandler = (request: RouteRequest) => RouteReply | Promise<RouteReply>;

export const ROUTE_BODY_MAX_BYTES = 1024 * 1024;
