/** What the server counts. Routes are patterns, never addresses, so that nobody can make series without end. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ExecuteFailureReason } from "../context/execute-failure.ts";

export type ExecutionResult = "ok" | ExecuteFailureReason["type"] | "SerdeError" | "Refused";
export type Stream = "socket" | "sse";

export interface ServerMetrics {
  /** `seconds`: from the headers to the last byte. */
  request(method: string, route: string, status: number, seconds: number): void;
  execution(result: ExecutionResult, seconds: number): void;
  opened(stream: Stream): void;
  closed(stream: Stream): void;
  /** Events handed to clients of one kind. */
  sent(stream: Stream, events: number): void;
  /** A client did not read for too long and was dropped. */
  dropped(stream: Stream, reason: "slow" | "silent"): void;
}

const SECONDS = [0.0005, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];

export function serverMetrics(registry: Registry): ServerMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: readonly string[]): Counter =>
    new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, labelNames: readonly string[]): Histogram =>
    new Histogram({ name, help, labelNames, buckets: SECONDS, registers });

  const requests = counter("shoal_node_http_requests_total", "Requests by route pattern.", [
    "method",
    "route",
    "status",
  ]);
  const durations = histogram("shoal_node_http_request_duration_seconds", "How long requests took.", [
    "method",
    "route",
  ]);
  const executions = counter("shoal_node_executions_total", "Executions by how they ended.", ["status"]);
  const executionSeconds = histogram("shoal_node_execution_duration_seconds", "How long executions took.", ["status"]);
  const open = new Gauge({
    name: "shoal_node_streams",
    help: "WebSocket connections and event streams that are open.",
    labelNames: ["kind"] as const,
    registers,
  });
  const events = counter("shoal_node_events_sent_total", "Events handed to clients.", ["kind"]);
  const drops = counter("shoal_node_clients_dropped_total", "Clients dropped, by why.", ["kind", "reason"]);
  for (const kind of ["socket", "sse"] as const) {
    open.set({ kind }, 0);
    for (const reason of ["slow", "silent"] as const) drops.inc({ kind, reason }, 0);
  }
  return {
    request: (method, route, status, seconds) => {
      requests.inc({ method, route, status });
      durations.observe({ method, route }, seconds);
    },
    execution: (status, seconds) => {
      executions.inc({ status });
      executionSeconds.observe({ status }, seconds);
    },
    opened: (kind) => open.inc({ kind }),
    closed: (kind) => open.dec({ kind }),
    sent: (kind, count) => events.inc({ kind }, count),
    dropped: (kind, reason) => drops.inc({ kind, reason }),
  };
}
