/** The configured backend. Each is loaded only where it is used: a pod pays for the one that it has. */
import { toIso } from "@shoal/shared/base/time.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ProcessorConfig } from "../config/config.ts";
import type { StateBackend } from "./backend.ts";

export async function chooseBackend(config: ProcessorConfig, clock: Clock, log: Log): Promise<StateBackend> {
  const { identity, state } = config;
  switch (state.backend) {
    case "local":
    case "pvc": {
      const { fileBackend, localFolder } = await import("./file.ts");
      return fileBackend(await localFolder(state.folder), identity.processorId);
    }
    case "configmap": {
      const { configMapBackend } = await import("./config-map.ts");
      return configMapBackend(state.api, identity, () => toIso(clock.now()));
    }
    case "s3": {
      const { s3Backend } = await import("./s3.ts");
      return s3Backend(state.bucket, identity.processorId, log);
    }
  }
}
