/**
 * Cloud Scheduler's part: fires the jobs that the deploy manifest declares, one run of a job at a time. A fire that falls
 * into a run, a restart or a machine's sleep is not made up for in a burst: a late one fires once, and the next is counted
 * from now.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { milliseconds, plus, seconds, since, toIso, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { backoffOf } from "../cloud-tasks/retry.ts";
import { parseSchedule, type Schedule } from "./schedule.ts";

/** As the manifest says it; null or absent means the service's default. */
export interface ScheduleTrigger {
  readonly schedule: string;
  readonly timeZone?: string | null;
  readonly retryConfig?: Readonly<Record<string, number | null>>;
}

export interface Fire {
  readonly functionName: string;
  readonly jobName: string;
  /** When it was due, which is what the function is told. */
  readonly scheduleTime: Timestamp;
}

/** Calls the job's function once; resolves with the HTTP status. */
export type SendFire = (fire: Fire, signal: AbortSignal) => Promise<number>;

export interface SchedulerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly send: SendFire;
  /** Part of a job's name, e.g. `us-central1`. */
  readonly location: string;
}

export interface Scheduler {
  /** Jobs by function name; replaces those that were declared before. Throws `invalid_argument` for a wrong schedule. */
  declareJobs(triggers: Readonly<Record<string, ScheduleTrigger>>): void;
  /** Fires now, besides the schedule; resolves with whether the function said yes. */
  run(functionName: string): Promise<boolean>;
  stop(): void;
}

interface Job {
  readonly functionName: string;
  readonly jobName: string;
  readonly schedule: Schedule;
  readonly retries: number;
  readonly maxRetryDuration: DurationMs;
  readonly backoff: Parameters<typeof backoffOf>[0];
}

/** The service's default for HTTP targets. */
const ATTEMPT_DEADLINE = seconds(180);
/** Long sleeps are taken in pieces, so that a machine that slept notices soon that it is late. */
const LONGEST_NAP = seconds(60);

export function createScheduler(options: SchedulerOptions): Scheduler {
  const jobs = new Map<string, { readonly job: Job; readonly abort: AbortController }>();
  const stop = (): void => {
    for (const { abort } of jobs.values()) abort.abort();
    jobs.clear();
  };
  return {
    declareJobs: (triggers) => {
      const parsed = Object.entries(triggers).map(([name, trigger]) => jobOf(name, trigger, options.location));
      stop();
      for (const job of parsed) {
        const abort = new AbortController();
        jobs.set(job.functionName, { job, abort });
        keepFiring(options, job, abort.signal).catch((thrown: unknown) => {
          if (!abort.signal.aborted) options.log.error({ err: thrown, job: job.jobName }, "a schedule has ended");
        });
      }
    },
    run: async (functionName) => {
      const known = jobs.get(functionName);
      if (known === undefined) return false;
      return fire(options, known.job, options.clock.now(), known.abort.signal);
    },
    stop,
  };
}

function jobOf(functionName: string, trigger: ScheduleTrigger, location: string): Job {
  const retry = trigger.retryConfig ?? {};
  return {
    functionName,
    jobName: `firebase-schedule-${functionName}-${location}`,
    schedule: parseSchedule(trigger.schedule, trigger.timeZone ?? "Etc/UTC"),
    retries: retry["retryCount"] ?? 0,
    maxRetryDuration: seconds(retry["maxRetrySeconds"] ?? 0),
    backoff: {
      minBackoff: seconds(retry["minBackoffSeconds"] ?? 5),
      maxBackoff: seconds(retry["maxBackoffSeconds"] ?? 3600),
      maxDoublings: retry["maxDoublings"] ?? 5,
    },
  };
}

async function keepFiring(options: SchedulerOptions, job: Job, signal: AbortSignal): Promise<void> {
  const { clock } = options;
  for (;;) {
    const due = job.schedule(clock.now());
    if (due === undefined) return;
    for (let left = since(due, clock.now()); left > 0; left = since(due, clock.now()))
      await clock.sleep(milliseconds(Math.min(left, LONGEST_NAP)), signal);
    await fire(options, job, due, signal);
  }
}

/** One fire and its retries. */
async function fire(
  options: SchedulerOptions,
  job: Job,
  scheduleTime: Timestamp,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, log } = options;
  const started = clock.now();
  for (let attempt = 1; ; attempt++) {
    const outcome = await once(options, { functionName: job.functionName, jobName: job.jobName, scheduleTime }, signal);
    if (outcome === "ok") return true;
    if (signal.aborted) return false;
    const fields = { job: job.jobName, scheduleTime: toIso(scheduleTime), attempt, outcome };
    const wait = backoffOf(job.backoff, attempt);
    const isLate = job.maxRetryDuration > 0 && since(plus(clock.now(), wait), started) > job.maxRetryDuration;
    if (attempt > job.retries || isLate) {
      log.warn(fields, "a scheduled run failed");
      return false;
    }
    log.debug(fields, "a scheduled run will be retried");
    await clock.sleep(wait, signal);
  }
}

async function once(options: SchedulerOptions, fire: Fire, stop: AbortSignal): Promise<string> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, stop]);
  const late = options.clock.sleep(ATTEMPT_DEADLINE, signal).then(
    () => "DEADLINE_EXCEEDED",
    () => "CANCELLED",
  );
  const call = options.send(fire, signal).then(
    (status) => (status >= 200 && status < 300 ? "ok" : `HTTP ${status}`),
    (thrown: unknown) => `UNAVAILABLE: ${messageOf(thrown)}`,
  );
  try {
    return await Promise.race([call, late]);
  } finally {
    over.abort();
  }
}
