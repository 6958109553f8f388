/**
 * Which version a group runs, in upstream's terms: the app key is the 32 bytes of the version's blob. All versions of a
 * bundle share one application id, so it takes the key, or the version, to tell what contexts are to run.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Applications } from "../clients/node-client.ts";
import type { Application } from "../model/application.ts";
import { bytesOf, type ApplicationId } from "../model/ids.ts";

export type Catalogue = Pick<Applications, "get" | "history">;

/** 64 hex digits. */
export function appKeyOf({ blob }: Application): string {
  return Buffer.from(bytesOf(blob)).toString("hex");
}

/** A version of it, the newest where none is named; rejects `not_found` where this node does not have it. */
export async function installed(catalogue: Catalogue, id: ApplicationId, version?: string): Promise<Application> {
  const application = await catalogue.get(id, version);
  if (application === undefined) {
    throw new ShoalError("not_found", "no such application is installed", { field: "applicationId" });
  }
  return application;
}

/** The version that a key names, or the newest where it names none: keys of older clients are their own invention. */
export async function pinned(
  catalogue: Catalogue,
  id: ApplicationId,
  appKey: string | undefined,
): Promise<Application> {
  const newest = await installed(catalogue, id);
  if (appKey === undefined || appKeyOf(newest) === appKey) return newest;
  return (await catalogue.history(id)).find((each) => appKeyOf(each) === appKey) ?? newest;
}
