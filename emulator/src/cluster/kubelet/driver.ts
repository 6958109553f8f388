/**
 * What a kubelet needs of whatever really runs containers. A driver knows processes and files; it knows nothing of the
 * Kubernetes API, of restarts or of probes.
 */
import type { Timestamp } from "@shoal/shared/base/time.ts";
import type { LogFile } from "./log-file.ts";

export interface ResolvedImage {
  /** With digest. */
  readonly id: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  /** Folder that holds the image's files; nobody writes to it. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface ImageStore {
  /** `undefined`: there is no such image here. */
  resolve(reference: string): Promise<ResolvedImage | undefined>;
}

export interface ContainerIdentity {
  readonly podUid: string;
  readonly container: string;
  /** 0 for the first life of the container, one more for each restart. */
  readonly attempt: number;
}

export interface StartRequest extends ContainerIdentity {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly memoryLimitMiB: number | undefined;
}

export interface Exit {
  readonly exitCode: number;
  readonly signal: number | undefined;
  /** Kubernetes' words; `ContainerStatusUnknown` where nobody saw it end. */
  readonly reason: "Completed" | "Error" | "OOMKilled" | "StartError" | "ContainerStatusUnknown";
  readonly message: string;
  readonly finishedAt: Timestamp;
}

export interface ExecSession {
  readonly stdin: NodeJS.WritableStream | undefined;
  readonly stdout: NodeJS.ReadableStream;
  readonly stderr: NodeJS.ReadableStream;
  readonly exited: Promise<number>;
  kill(): void;
}

export interface RunningContainer extends ContainerIdentity {
  readonly id: string;
  readonly startedAt: Timestamp;
  readonly log: LogFile;
  /** Never rejects. */
  readonly exited: Promise<Exit>;
  /** To everything in the container. */
  kill(signal: "SIGTERM" | "SIGKILL"): void;
  exec(command: readonly string[], options: { readonly stdin: boolean }): ExecSession;
}

export interface PodDriver {
  /**
   * The pod's own address, the same for its whole life; throws `ShoalError` where there is none. `ports` are those that its
   * containers will listen on.
   */
  addressFor(podUid: string, ports: readonly number[]): Promise<string>;
  /** Throws where the command cannot be started at all. */
  start(request: StartRequest): Promise<RunningContainer>;
  /** Containers of a former life of this driver that still run. Ended ones are cleaned up. */
  recover(): Promise<readonly RunningContainer[]>;
  /** Where the logs of one life of a container are; the file may not exist. */
  logPath(identity: ContainerIdentity): string;
  /** Lets go of the address and removes what the pod left behind. */
  forget(podUid: string): Promise<void>;
  /** Forgets all but these. */
  forgetOthers(podUids: ReadonlySet<string>): Promise<void>;
}
