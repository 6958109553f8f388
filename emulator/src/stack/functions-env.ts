/** What the functions of a local stack are configured by: the same keys that a deploy sets (`functions/src/config.ts`). */
import type { IdentityServer } from "../identity/index.ts";
import type { StackDatabase } from "./database.ts";
import type { LocalSecrets } from "./folder.ts";

export const PROJECT = "shoal-local";
export const LOCATION = "local";
/** As whom Cloud Tasks and Cloud Scheduler call. */
export const TASKS_ACCOUNT = `tasks@${PROJECT}.iam.gserviceaccount.com`;

export function environmentOf(init: {
  readonly database: StackDatabase;
  readonly identity: IdentityServer;
  readonly tasksPort: number;
  readonly kubeconfig: string;
  readonly rabbitmqUrl: string;
  readonly secrets: LocalSecrets;
  readonly logLevel: string;
}): Readonly<Record<string, string>> {
  return {
    SHOAL_ENV: "local",
    SHOAL_LOCATION: LOCATION,
    SHOAL_MANAGER_DATABASE_URL: init.database.managerUrl,
    DORY_DATABASE_URL: init.database.workerUrl,
    CLOUD_TASKS_EMULATOR_HOST: `127.0.0.1:${init.tasksPort}`,
    SHOAL_TASKS_SERVICE_ACCOUNT: TASKS_ACCOUNT,
    SHOAL_OIDC_ISSUER: init.identity.issuer,
    SHOAL_OIDC_AUDIENCE: "shoal",
    SHOAL_OIDC_JWKS_URL: `${init.identity.issuer}/jwks`,
    KUBECONFIG: init.kubeconfig,
    DORY_STATE_TOKEN: init.secrets.stateToken,
    DORY_RABBITMQ_URL: init.rabbitmqUrl,
    DORY_LOG_LEVEL: init.logLevel,
  };
}
