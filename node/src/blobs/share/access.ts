/**
 * Who may have which blob. A context's blobs are for who may read it; an application's are for everybody in a namespace where
 * some group runs it, since who joins needs it before anything can be read. Judged by what is known at the moment of asking.
 */
import type { Applications } from "../../clients/node-client.ts";
import type { GovernanceReplica } from "../../governance/replication.ts";
import type { ApplicationId, BlobId, GroupId, PublicKey } from "../../model/ids.ts";
import type { BlobStore } from "../blobs.ts";
import type { Scope } from "./wire.ts";

export interface AccessParts {
  readonly governance: Pick<GovernanceReplica, "rightNow" | "belongs" | "namespaceOf">;
  readonly blobs: Pick<BlobStore, "isShared">;
  readonly applications: Pick<Applications, "history">;
  /** What groups of the namespace, and contexts in it, run or are to run. */
  readonly applicationsOf: (namespaceId: GroupId) => Promise<readonly ApplicationId[]>;
}

export interface BlobAccess {
  /** Whether the account may have the blob by this scope. */
  mayHave(account: PublicKey, scope: Scope, blobId: BlobId): Promise<boolean>;
  /** Whether the application is one of the scope's. */
  runs(scope: Scope, applicationId: ApplicationId): Promise<boolean>;
  /** Whether the account has to do with the scope at all: nobody else is told what is looked for. */
  isInside(account: PublicKey, scope: Scope): boolean;
}

export function createBlobAccess({ governance, blobs, applications, applicationsOf }: AccessParts): BlobAccess {
  const namespaceOf = (scope: Scope): GroupId | undefined =>
    scope.type === "namespace" ? scope.namespaceId : governance.namespaceOf(scope.contextId);
  const belongs = (account: PublicKey, scope: Scope): boolean => {
    const namespaceId = namespaceOf(scope);
    return namespaceId !== undefined && governance.belongs(namespaceId, account);
  };
  const reads = (account: PublicKey, scope: Scope): boolean =>
    scope.type === "context" && governance.rightNow(scope.contextId, account) !== "none";

  const running = async (scope: Scope): Promise<readonly ApplicationId[]> => {
    const namespaceId = namespaceOf(scope);
    return namespaceId === undefined ? [] : applicationsOf(namespaceId);
  };
  /** The blob that one of their versions was installed from. */
  const isApplications = async (scope: Scope, blobId: BlobId): Promise<boolean> => {
    for (const id of await running(scope)) {
      if ((await applications.history(id)).some(({ blob }) => blob === blobId)) return true;
    }
    return false;
  };

  return {
    async mayHave(account, scope, blobId) {
      if (scope.type === "context" && reads(account, scope) && blobs.isShared(blobId, scope.contextId)) return true;
      if (!reads(account, scope) && !belongs(account, scope)) return false;
      return isApplications(scope, blobId);
    },
    runs: async (scope, applicationId) => (await running(scope)).includes(applicationId),
    isInside: (account, scope) => reads(account, scope) || belongs(account, scope),
  };
}
