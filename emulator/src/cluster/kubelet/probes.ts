/**
 * Asks a container how it is: over HTTP, by connecting, or by a command. One shared agent, so that probes of a quiet stack
 * cost next to nothing. A probe loop reports every result together with what its thresholds make of it.
 */
import { connect } from "node:net";
import { Agent, request } from "undici";
import type { Container, HttpGetAction, Probe } from "@shoal/functions/adapters/kubernetes/types.ts";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { milliseconds, seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import { portOf } from "./backoff.ts";
import type { RunningContainer } from "./driver.ts";

export type ProbeResult =
  | { readonly ok: true }
  /** `absent`: nothing listens there (yet). */
  | { readonly ok: false; readonly message: string; readonly absent: boolean };

const agent = new Agent({ keepAliveTimeout: 30_000, keepAliveMaxTimeout: 30_000, connections: 4 });

/** A 2xx or 3xx within the time is a success. */
export async function httpGet(
  action: HttpGetAction,
  container: Container,
  address: string,
  timeout: DurationMs,
): Promise<ProbeResult> {
  const port = portOf(action.port, container);
  if (port === undefined) return { ok: false, message: `no port named ${action.port}`, absent: false };
  const path = (action.path ?? "/").replace(/^(?!\/)/, "/");
  const headers = Object.fromEntries((action.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  try {
    const response = await request(`http://${action.host ?? address}:${port}${path}`, {
      dispatcher: agent,
      signal: AbortSignal.timeout(timeout),
      headers: { "user-agent": "kube-probe/1.32", accept: "*/*", ...headers },
    });
    await response.body.dump({ limit: 64 * 1024 });
    if (response.statusCode < 400) return { ok: true };
    return { ok: false, message: `HTTP probe failed with statuscode: ${response.statusCode}`, absent: false };
  } catch (thrown) {
    const code = (thrown as { code?: unknown }).code;
    return {
      ok: false,
      message: `Get "http://${address}:${port}${path}": ${messageOf(thrown)}`,
      absent: code === "ECONNREFUSED",
    };
  }
}

async function tcpConnect(port: number | undefined, address: string, timeout: DurationMs): Promise<ProbeResult> {
  if (port === undefined) return { ok: false, message: "no such port", absent: false };
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout });
    const end = (result: ProbeResult): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => end({ ok: true }));
    socket.once("timeout", () =>
      end({ ok: false, message: `dial tcp ${address}:${port}: i/o timeout`, absent: false }),
    );
    socket.once("error", (error) => end({ ok: false, message: messageOf(error), absent: true }));
  });
}

async function command(words: readonly string[], running: RunningContainer, timeout: DurationMs): Promise<ProbeResult> {
  const session = running.exec(words, { stdin: false });
  session.stdout.resume();
  session.stderr.resume();
  const timer = setTimeout(() => session.kill(), timeout);
  const code = await session.exited;
  clearTimeout(timer);
  return code === 0 ? { ok: true } : { ok: false, message: `command ended with exit code ${code}`, absent: false };
}

export async function runProbe(
  probe: Probe,
  container: Container,
  address: string,
  running: RunningContainer,
): Promise<ProbeResult> {
  const timeout = seconds(probe.timeoutSeconds ?? 1);
  if (probe.httpGet !== undefined) return httpGet(probe.httpGet, container, address, timeout);
  if (probe.tcpSocket !== undefined) return tcpConnect(portOf(probe.tcpSocket.port, container), address, timeout);
  if (probe.exec !== undefined) return command(probe.exec.command, running, timeout);
  return { ok: true };
}

export interface ProbeLoop {
  stop(): void;
}

export interface ProbeLoopOptions {
  readonly probe: Probe;
  readonly ask: () => Promise<ProbeResult>;
  /** How long the container has been running. */
  readonly runningFor: DurationMs;
  /** Asks this often until the first success while nothing listens yet; such answers are no failures. */
  readonly eager: DurationMs | undefined;
  readonly passed: () => void;
  /** `final` once the failure threshold is reached. */
  readonly failed: (message: string, final: boolean) => void;
}

/** How long "nothing listens yet" is taken for starting up. */
const EAGER_FOR_MS = 15_000;

export function startProbe(options: ProbeLoopOptions): ProbeLoop {
  const { probe } = options;
  const period = seconds(probe.periodSeconds ?? 10);
  let successes = 0;
  let failures = 0;
  let stopped = false;
  let succeeded = false;
  const begun = performance.now();

  const once = async (): Promise<void> => {
    const result = await options.ask();
    if (stopped) return;
    const eager =
      options.eager !== undefined && !succeeded && performance.now() - begun < EAGER_FOR_MS ? options.eager : undefined;
    if (result.ok) {
      succeeded = true;
      failures = 0;
      if (++successes >= (probe.successThreshold ?? 1)) options.passed();
    } else if (eager === undefined || !result.absent) {
      successes = 0;
      options.failed(result.message, ++failures >= (probe.failureThreshold ?? 3));
    }
    const wait = result.ok || eager === undefined ? period : Math.min(eager, period);
    timer = setTimeout(() => void once(), wait);
  };
  const delay = Math.max(0, seconds(probe.initialDelaySeconds ?? 0) - options.runningFor);
  let timer = setTimeout(() => void once(), milliseconds(delay));
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
