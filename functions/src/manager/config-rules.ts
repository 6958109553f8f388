/** What a configuration has to satisfy beyond each field's own shape: a limit is never below its request. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { cpuMilli, memoryMiB } from "@shoal/shared/base/quantity.ts";
import type { RuntimeConfig } from "@shoal/shared/wire/runtime-config.ts";

export interface ConfigProblem {
  /** Path inside the configuration. */
  readonly field: string;
  readonly message: string;
}

export function configProblem({ resources }: RuntimeConfig): ConfigProblem | undefined {
  const { cpu_request, cpu_limit, memory_request, memory_limit } = resources;
  if ((cpuMilli(cpu_limit) ?? 0) < (cpuMilli(cpu_request) ?? 0))
    return { field: "resources.cpu_limit", message: `${cpu_limit} is less than the request of ${cpu_request}` };
  if ((memoryMiB(memory_limit) ?? 0) < (memoryMiB(memory_request) ?? 0))
    return {
      field: "resources.memory_limit",
      message: `${memory_limit} is less than the request of ${memory_request}`,
    };
  return undefined;
}

/** Throws `invalid_argument` where the configuration is larger than `maxBytes` as JSON. */
export function refuseLargeConfig(config: object, field: string, maxBytes: number): void {
  if (Buffer.byteLength(JSON.stringify(config)) > maxBytes)
    throw new ShoalError("invalid_argument", `${field}: is larger than ${maxBytes} bytes`, { field });
}
