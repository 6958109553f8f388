/** Readings of the machine that this runs on: load, processor time, memory and disk. */
import { statfs } from "node:fs/promises";
import { cpus, freemem, hostname, loadavg, totalmem, uptime } from "node:os";

/** Processor time since the machine's start, in ms over all cores. */
export interface CpuTimes {
  readonly busy: number;
  readonly idle: number;
}

export function cpuTimes(): CpuTimes {
  let busy = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    busy += times.user + times.nice + times.sys + times.irq;
  }
  return { busy, idle };
}

/** Part of the time between two readings that the cores were busy, 0 to 1; 0 where no time has passed. */
export function cpuShare(before: CpuTimes, after: CpuTimes): number {
  const busy = after.busy - before.busy;
  const whole = busy + after.idle - before.idle;
  return whole <= 0 ? 0 : Math.round((busy / whole) * 1000) / 1000;
}

export async function readMachine(): Promise<Record<string, unknown>> {
  const disk = await statfs("/");
  const [load1, load5, load15] = loadavg();
  return {
    host: hostname(),
    uptime_s: Math.round(uptime()),
    load: { one: load1, five: load5, fifteen: load15 },
    memory: { total_bytes: totalmem(), free_bytes: freemem() },
    disk: { total_bytes: disk.blocks * disk.bsize, free_bytes: disk.bavail * disk.bsize },
  };
}
