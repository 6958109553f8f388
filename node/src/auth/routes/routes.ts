/** The addresses of auth, and what happens to what is thrown at any of them. */
import { Hono } from "hono";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { TokenGuard } from "../guard.ts";
import type { Keys } from "../keys.ts";
import type { AuthSettings } from "../settings.ts";
import type { SignIn } from "../sign-in.ts";
import { adminRoutes } from "./admin.ts";
import { publicRoutes } from "./public.ts";
import { refusal } from "./reply.ts";

export interface Counts {
  logins: number;
  failedLogins: number;
  refreshes: number;
  validations: number;
}

export interface RoutesInit {
  readonly signIn: SignIn;
  readonly keys: Keys;
  readonly guard: TokenGuard;
  readonly settings: AuthSettings;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  readonly counts: Counts;
  uptimeSeconds(): number;
  /** Whether the store answers. */
  storageAnswers(): boolean;
  metrics(): Promise<object>;
}

export function createRoutes(init: RoutesInit): Hono {
  const app = new Hono();
  app.route("/auth", publicRoutes(init));
  app.route("/admin", adminRoutes(init));
  const nothing = new ShoalError("not_found", "there is nothing at this address");
  app.all("/auth/*", () => refusal(nothing, init.log));
  app.all("/admin/*", () => refusal(nothing, init.log));
  app.onError((thrown) => refusal(thrown, init.log));
  return app;
}
