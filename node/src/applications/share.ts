/**
 * Makes an application that a group runs installed here, from its members. Nothing of it is taken on trust: the group names the
 * blob, by its content, and the id; a bundle's id follows from its package and signer, a raw module's from its content and from
 * what its installer said of it, which is asked for and has to make up just that id.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { BlobStore } from "../blobs/blobs.ts";
import type { PeerBlobs } from "../blobs/share/finder.ts";
import type { Scope } from "../blobs/share/wire.ts";
import type { BlobInfo } from "../clients/node-client.ts";
import type { Application } from "../model/application.ts";
import { type ApplicationId, type BlobId, idOf } from "../model/ids.ts";
import type { ApplicationStore } from "./applications.ts";
import { rawApplicationId } from "./ids.ts";

/** What a group's contexts are to run. */
export interface ApplicationTarget {
  readonly applicationId: ApplicationId;
  readonly version: string;
  /** 64 hex digits: the blob. */
  readonly appKey: string;
}

export interface SharedApplications {
  /**
   * The version, installed. Rejects `unavailable` where no member that can be reached has it, `conflict` where another build
   * of the same version is installed here, and as an installation does where what came is not what the group names.
   */
  ensureInstalled(target: ApplicationTarget, scope: Scope): Promise<Application>;
}

export interface SharedApplicationsParts {
  readonly applications: Pick<ApplicationStore, "get" | "installShared">;
  readonly blobs: Pick<BlobStore, "read">;
  readonly peers: Pick<PeerBlobs, "fetch" | "record">;
}

export function createSharedApplications(parts: SharedApplicationsParts): SharedApplications {
  const installing = new Map<string, Promise<Application>>();
  return {
    ensureInstalled(target, scope) {
      const name = `${target.applicationId}@${target.version}/${target.appKey}`;
      const running = installing.get(name);
      if (running !== undefined) return running;
      const started = install(parts, target, scope).finally(() => installing.delete(name));
      installing.set(name, started);
      return started;
    },
  };
}

async function install(parts: SharedApplicationsParts, target: ApplicationTarget, scope: Scope): Promise<Application> {
  const { applications, peers } = parts;
  const { applicationId, version } = target;
  const blobId = idOf<BlobId>(Buffer.from(target.appKey, "hex"));
  const here = await applications.get(applicationId, version);
  if (here !== undefined) {
    if (here.blob === blobId) return here;
    // Contexts run it: what one group wants does not change what others have.
    throw new ShoalError("conflict", `another build of ${here.package} ${version} is installed`, { field: "appKey" });
  }
  using fetched = await peers.fetch(blobId, scope);
  if (fetched === undefined) {
    throw new ShoalError("unavailable", `no member that can be reached has application ${applicationId}`, {
      retryAfterSeconds: 5,
    });
  }
  const raw = (await isModule(parts, blobId)) ? await recordOf(parts, target, fetched, scope) : undefined;
  return await applications.installShared(blobId, { applicationId, version }, raw);
}

async function recordOf(
  { peers }: SharedApplicationsParts,
  { applicationId }: ApplicationTarget,
  { blobId, size }: BlobInfo,
  scope: Scope,
) {
  const record = await peers.record(
    { applicationId, blobId, scope },
    (said) => rawApplicationId({ bytecode: blobId, size, ...said }) === applicationId,
  );
  if (record !== undefined) return record;
  throw new ShoalError("unavailable", `no member that can be reached says what application ${applicationId} is`, {
    retryAfterSeconds: 5,
  });
}

/** A raw module begins so; anything else is a bundle, or refused as one. */
async function isModule({ blobs }: SharedApplicationsParts, blobId: BlobId): Promise<boolean> {
  for await (const chunk of blobs.read(blobId) ?? [])
    return Buffer.from(chunk.subarray(0, 4)).toString("latin1") === "\0asm";
  return false;
}
