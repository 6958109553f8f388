/**
 * The app key of a group: 32 bytes that stay the same over all versions that may replace each other. For a signed bundle it
 * is the hash of its signer and package; a raw module has neither and is known by its blob alone.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Applications } from "../clients/node-client.ts";
import type { Application } from "../model/application.ts";
import { bytesOf, type ApplicationId } from "../model/ids.ts";
import { sha256 } from "../model/sha256.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** 64 hex digits. */
export function appKeyFor({ signerId, package: name, blob }: Application): string {
  if (signerId === undefined) return hex(bytesOf(blob));
  return hex(sha256(new TextEncoder().encode(`shoal.app-key\0${signerId}\0${name}`)));
}

/** Rejects `not_found` where this node does not have the application. */
export async function appKeyOf(applications: Pick<Applications, "get">, id: ApplicationId): Promise<string> {
  return appKeyFor(await installed(applications, id));
}

export async function installed(applications: Pick<Applications, "get">, id: ApplicationId): Promise<Application> {
  const application = await applications.get(id);
  if (application === undefined) {
    throw new ShoalError("not_found", "no such application is installed", { field: "applicationId" });
  }
  return application;
}
