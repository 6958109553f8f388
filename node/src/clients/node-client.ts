/** What server and contexts ask of the node itself: applications, blobs, aliases, identities, peers, usage. */
import type { Recipient } from "../actors/actor.ts";
import type { Report } from "../gc/collector.ts";
import type { NodeMessage } from "../manager/messages.ts";
import type { NetworkClient } from "./network-client.ts";
import type { Application } from "../model/application.ts";
import type { ApplicationId, BlobId, ContextId, PublicKey } from "../model/ids.ts";

export interface InstallInput {
  readonly metadata: Uint8Array;
  readonly package?: string;
  readonly version?: string;
}

export interface Applications {
  /** Downloads (http, https) and installs; `hash`: expected SHA-256 in hex or base58. */
  installFromUrl(url: string, hash: string | undefined, input: InstallInput): Promise<ApplicationId>;
  /** From a file on the node's machine: the node's owner may, nobody else. */
  installFromPath(path: string, input: InstallInput): Promise<ApplicationId>;
  /** From a blob that was uploaded before. */
  installFromBlob(blob: BlobId, input: InstallInput): Promise<ApplicationId>;
  /** A version of it, the newest where none is named; its modules can be run at once. */
  get(id: ApplicationId, version?: string): Promise<Application | undefined>;
  /** The newest version of each. */
  list(): Promise<readonly Application[]>;
  /** All versions of one, newest first. */
  history(id: ApplicationId): Promise<readonly Application[]>;
  /** `conflict` while a context runs it. */
  uninstall(id: ApplicationId): Promise<boolean>;
  packages(): Promise<readonly string[]>;
  /** Newest first. */
  versions(packageName: string): Promise<readonly string[]>;
  latest(packageName: string): Promise<{ readonly applicationId: ApplicationId; readonly version: string } | undefined>;
}

export interface BlobInfo {
  readonly blobId: BlobId;
  readonly size: number;
}

export interface Blobs {
  /** Stores a stream; `expected` refuses anything else with `invalid_argument`. Members of `sharedIn` may have it. */
  add(
    content: AsyncIterable<Uint8Array>,
    options?: { readonly expected?: string; readonly limit?: number; readonly sharedIn?: ContextId },
  ): Promise<BlobInfo>;
  /** undefined where this node does not hold it. */
  info(id: BlobId): Promise<BlobInfo | undefined>;
  /** Chunks in order, verified as they are read; undefined where this node does not hold it. */
  read(id: BlobId): AsyncIterable<Uint8Array> | undefined;
  list(): Promise<readonly BlobInfo[]>;
  /** `conflict` while an application or a context refers to it. */
  delete(id: BlobId): Promise<boolean>;
}

/** Looks for blobs among the peers of a context. */
export interface BlobFinder {
  /** Whether the blob is here now, and shared in the context; false where no member that can be reached has it. */
  find(blobId: BlobId, contextId: ContextId): Promise<boolean>;
}

export type AliasKind = "context" | "application" | "identity";

export interface Aliases {
  /** `already_exists` where the name is taken; names have 1 to 50 bytes. `scope` is the context of an identity alias. */
  create(kind: AliasKind, name: string, value: string, scope?: ContextId): Promise<void>;
  lookup(kind: AliasKind, name: string, scope?: ContextId): Promise<string | undefined>;
  delete(kind: AliasKind, name: string, scope?: ContextId): Promise<boolean>;
  list(kind: AliasKind, scope?: ContextId): Promise<Readonly<Record<string, string>>>;
}

export interface NodeIdentity {
  readonly peerId: string;
  /** The account in whose name this node acts. */
  readonly publicKey: PublicKey;
  readonly version: string;
}

export interface NodeUsage {
  readonly contexts: number;
  readonly applications: number;
  readonly blobs: number;
  readonly blobBytes: number;
  readonly stateBytes: number;
  readonly memoryBytes: number;
  readonly uptimeSeconds: number;
}

export interface NodeClient {
  readonly applications: Applications;
  readonly blobs: Blobs;
  readonly aliases: Aliases;
  /** A new key pair, kept until a context uses it. */
  generateIdentity(): Promise<PublicKey>;
  identity(): NodeIdentity;
  usage(): Promise<NodeUsage>;
  peers(): Promise<readonly string[]>;
  /** Runs the collector now; with `dryRun` it only counts. */
  collect(options: { readonly dryRun: boolean }): Promise<Report>;
}

/** The façade over the node manager, together with the services that need no actor. */
export function nodeClient(
  manager: Recipient<NodeMessage>,
  services: Pick<NodeClient, "applications" | "blobs" | "aliases" | "identity" | "collect"> &
    Pick<NetworkClient, "peers">,
): NodeClient {
  return {
    applications: services.applications,
    blobs: services.blobs,
    aliases: services.aliases,
    identity: () => services.identity(),
    peers: () => services.peers(),
    collect: (options) => services.collect(options),
    generateIdentity: () => manager.send({ type: "GenerateIdentity" }),
    usage: () => manager.send({ type: "GetUsage" }),
  };
}
