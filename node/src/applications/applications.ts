/**
 * Applications: what somebody hands in becomes a blob, its modules are prepared, and one batch makes it known, with the
 * references that keep its blobs. Whatever fails before leaves blobs that nothing refers to, which the collector removes.
 */
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { BlobStore } from "../blobs/blobs.ts";
import type { Applications, BlobInfo, InstallInput } from "../clients/node-client.ts";
import type { Application, ApplicationModule } from "../model/application.ts";
import type { ApplicationId, BlobId } from "../model/ids.ts";
import { INSTRUMENTER_VERSION } from "../runtime/module/prepare.ts";
import type { Store } from "../storage/store.ts";
import { BundleError } from "./bundle/error.ts";
import { BUNDLE_LIMITS, type BundleLimits } from "./bundle/limits.ts";
import { type Bundle, DEFAULT_SERVICE, readBundle } from "./bundle/read.ts";
import { Catalogue, NO_PACKAGE, NO_VERSION } from "./catalogue.ts";
import { download } from "./download.ts";
import { bundleApplicationId, rawApplicationId } from "./ids.ts";
import { type ModuleParts, readModule, storeModule } from "./modules.ts";

/** Milliseconds from the beginning of a download to the end of its installation. */
const INSTALL_MAX_MS = 300_000;

export interface ApplicationStoreOptions {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** 64 KiB pages that a module's memory may ever have. */
  readonly maxMemoryPages: number;
  readonly limits?: BundleLimits;
  readonly installMaxMs?: number;
  /** Whether a context runs it: then it cannot be uninstalled. */
  readonly isInUse: (id: ApplicationId) => Promise<boolean>;
  /** Program of the threads that prepare modules, where the node is bundled. */
  readonly prepareEntry?: URL;
}

/** What an installation has to turn out to be. */
interface Expected {
  readonly applicationId: ApplicationId;
  readonly version: string;
}

/** What is being installed, and where it came from. */
interface Arrived {
  readonly blob: BlobInfo;
  readonly source: string;
  readonly input: InstallInput;
  readonly pins: DisposableStack;
  readonly signal: AbortSignal;
}

export class ApplicationStore implements Applications {
  readonly #options: ApplicationStoreOptions;
  readonly #limits: BundleLimits;
  readonly #modules: ModuleParts;
  readonly #catalogue: Catalogue;
  /** Versions whose modules are being prepared again. */
  readonly #renewing = new Map<Application, Promise<Application>>();
  /** Changes of the catalogue, one after another. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: ApplicationStoreOptions, catalogue: Catalogue) {
    const { blobs, maxMemoryPages, prepareEntry, limits = BUNDLE_LIMITS } = options;
    this.#options = options;
    this.#limits = limits;
    this.#modules = { blobs, options: { maxModuleBytes: limits.moduleBytes, maxMemoryPages }, entry: prepareEntry };
    this.#catalogue = catalogue;
  }

  static async open(options: ApplicationStoreOptions): Promise<ApplicationStore> {
    return new ApplicationStore(options, await Catalogue.load(options.store));
  }

  installFromUrl(url: string, hash: string | undefined, input: InstallInput): Promise<ApplicationId> {
    return this.#install(input, url, async (pins, signal) => {
      const content = await download(url, this.#limits.archiveBytes, signal);
      return this.#add(content, pins, hash);
    });
  }

  installFromPath(path: string, input: InstallInput): Promise<ApplicationId> {
    const absolute = resolve(path);
    return this.#install(input, `file://${absolute}`, (pins) => this.#add(readFile(absolute), pins, undefined));
  }

  installFromBlob(blob: BlobId, input: InstallInput): Promise<ApplicationId> {
    return this.#install(input, "upload", (pins) => this.#held(blob, pins));
  }

  /**
   * From a blob that members of a group gave. `raw`: what a raw module's id is made of beside its content. Rejects
   * `invalid_argument`, having installed nothing, where it is not the application that the group names.
   */
  async installShared(
    blob: BlobId,
    expected: Expected,
    raw?: { readonly source: string; readonly metadata: Uint8Array },
  ): Promise<Application> {
    // What a peer says of package and author is its word alone: only the id's own parts are taken.
    const input = { metadata: raw?.metadata ?? new Uint8Array(), version: expected.version };
    await this.#install(input, raw?.source ?? "peers", (pins) => this.#held(blob, pins), expected);
    const installed = await this.get(expected.applicationId, expected.version);
    if (installed === undefined) throw new ShoalError("conflict", "the application was uninstalled meanwhile");
    return installed;
  }

  /** Its modules prepared by the present instrumenter. */
  async get(id: ApplicationId, version?: string): Promise<Application | undefined> {
    const installed = version === undefined ? this.#catalogue.newest(id) : this.#catalogue.at(id, version);
    return installed === undefined ? undefined : this.#current(installed.application, installed.instrumenter);
  }

  /** The newest versions, as they were installed. */
  async list(): Promise<readonly Application[]> {
    return this.#catalogue.ids().flatMap((id) => this.#catalogue.newest(id)?.application ?? []);
  }

  /** As they were installed. */
  async history(id: ApplicationId): Promise<readonly Application[]> {
    return this.#catalogue.versionsOf(id).map(({ application }) => application);
  }

  /** All versions of it. */
  async uninstall(id: ApplicationId): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#catalogue.newest(id) === undefined) return false;
      if (await this.#options.isInUse(id)) {
        throw new ShoalError("conflict", `a context runs application ${id}`, { field: "application_id" });
      }
      await this.#catalogue.remove(id);
      return true;
    });
  }

  async packages(): Promise<readonly string[]> {
    return this.#catalogue.packages();
  }

  /** Newest first. */
  async versions(packageName: string): Promise<readonly string[]> {
    return [...new Set(this.#catalogue.ofPackage(packageName).map(({ application }) => application.version))];
  }

  async latest(
    packageName: string,
  ): Promise<{ readonly applicationId: ApplicationId; readonly version: string } | undefined> {
    const latest = this.#catalogue.ofPackage(packageName)[0]?.application;
    return latest === undefined ? undefined : { applicationId: latest.id, version: latest.version };
  }

  async #install(
    input: InstallInput,
    source: string,
    fetch: (pins: DisposableStack, signal: AbortSignal) => Promise<BlobInfo>,
    expected?: Expected,
  ): Promise<ApplicationId> {
    using pins = new DisposableStack();
    return await this.#inTime(async (signal) => {
      const blob = await fetch(pins, signal);
      const arrived: Arrived = { blob, source, input, pins, signal };
      const application = (await this.#isRaw(blob)) ? await this.#raw(arrived) : await this.#bundle(arrived);
      if (expected !== undefined && application.id !== expected.applicationId) {
        throw new ShoalError("invalid_argument", `this is application ${application.id}`, { field: "applicationId" });
      }
      await this.#inTurn(async () => {
        this.#requireContinuity(application);
        await this.#catalogue.put({ application, instrumenter: INSTRUMENTER_VERSION });
      });
      return application.id;
    });
  }

  async #held(blob: BlobId, pins: DisposableStack): Promise<BlobInfo> {
    pins.use(await this.#options.blobs.pin(blob));
    const info = await this.#options.blobs.info(blob);
    if (info === undefined) throw new ShoalError("not_found", `no blob ${blob} is here`, { field: "blob_id" });
    return info;
  }

  async #inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const maxMs = this.#options.installMaxMs ?? INSTALL_MAX_MS;
    const signal = AbortSignal.timeout(maxMs);
    try {
      return await work(signal);
    } catch (cause) {
      if (!signal.aborted || cause instanceof ShoalError) throw cause;
      throw new ShoalError("deadline_exceeded", `the installation took longer than ${maxMs} ms`, { cause });
    }
  }

  async #add(
    content: AsyncIterable<Uint8Array>,
    pins: DisposableStack,
    expected: string | undefined,
  ): Promise<BlobInfo> {
    const options = {
      limit: this.#limits.archiveBytes,
      rows: () => [],
      ...(expected === undefined ? {} : { expected }),
    };
    return pins.use(await this.#options.blobs.addPinned(content, options));
  }

  /** By the first bytes; throws `BundleError` for what is neither a module nor gzip. */
  async #isRaw({ blobId, size }: BlobInfo): Promise<boolean> {
    if (size > this.#limits.archiveBytes) {
      throw new BundleError("ArchiveTooLarge", `an archive has at most ${this.#limits.archiveBytes} bytes`);
    }
    for await (const chunk of this.#options.blobs.read(blobId) ?? []) {
      const start = Buffer.from(chunk.subarray(0, 4)).toString("latin1");
      if (start === "\0asm") return true;
      if (start.startsWith("\u001f\u008b")) return false;
      break;
    }
    throw new BundleError("UnknownFormat", "neither a WebAssembly module nor a gzip archive");
  }

  async #raw({ blob, source, input, pins, signal }: Arrived): Promise<Application> {
    const { moduleBytes } = this.#limits;
    if (blob.size > moduleBytes) {
      throw new BundleError("FileTooLarge", `the module has ${blob.size} bytes, at most ${moduleBytes} are allowed`);
    }
    const wasm = await readModule(this.#options.blobs, blob.blobId);
    const module = await storeModule({ service: DEFAULT_SERVICE, wasm }, this.#modules, pins, signal);
    const { metadata } = input;
    return {
      id: rawApplicationId({ bytecode: module.bytecode, size: blob.size, source, metadata }),
      ...this.#common(blob, source, [module]),
      metadata,
      package: input.package ?? NO_PACKAGE,
      version: input.version ?? NO_VERSION,
    };
  }

  async #bundle({ blob, source, input, pins, signal }: Arrived): Promise<Application> {
    const archive = (): AsyncIterable<Uint8Array> => this.#options.blobs.read(blob.blobId) ?? nothing();
    const bundle = await readBundle(archive, this.#limits, signal);
    requireAsked(bundle, input);
    const modules: ApplicationModule[] = [];
    for (const module of bundle.modules) modules.push(await storeModule(module, this.#modules, pins, signal));
    const { manifest, signerId } = bundle;
    return {
      id: bundleApplicationId(manifest.package, signerId),
      ...this.#common(blob, source, modules),
      metadata: input.metadata.length > 0 ? input.metadata : manifestMetadata(bundle),
      package: manifest.package,
      version: manifest.appVersion,
      ...(signerId === undefined ? {} : { signerId }),
    };
  }

  #common(
    { blobId, size }: BlobInfo,
    source: string,
    modules: readonly ApplicationModule[],
  ): Pick<Application, "blob" | "size" | "source" | "modules" | "installedAtMs"> {
    return { blob: blobId, size, source, modules, installedAtMs: this.#options.clock.now() };
  }

  /** A package stays with its signer: nobody else's bundle, and no unsigned one, can take its name. */
  #requireContinuity({ package: name, signerId }: Application): void {
    if (name === NO_PACKAGE) return;
    const before = this.#catalogue.ofPackage(name).find(({ application }) => application.signerId !== undefined);
    const signed = before?.application.signerId;
    if (signed === undefined || signed === signerId) return;
    throw new BundleError("SignerChanged", `${name} is signed by ${signed}, and this is ${signerId ?? "unsigned"}`, {
      field: "manifest.signerId",
    });
  }

  /** After an update of the node, what workers run is made again, when somebody first asks for it. */
  #current(application: Application, instrumenter: number): Promise<Application> {
    if (instrumenter === INSTRUMENTER_VERSION) return Promise.resolve(application);
    const running = this.#renewing.get(application);
    if (running !== undefined) return running;
    const renewing = this.#renew(application).finally(() => this.#renewing.delete(application));
    this.#renewing.set(application, renewing);
    return renewing;
  }

  async #renew(application: Application): Promise<Application> {
    using pins = new DisposableStack();
    const modules = await this.#inTime(async (signal) => {
      const made: ApplicationModule[] = [];
      for (const { service, bytecode, abi } of application.modules) {
        const wasm = await readModule(this.#options.blobs, bytecode);
        const module = { service, wasm, ...(abi === undefined ? {} : { abi }) };
        made.push(await storeModule(module, this.#modules, pins, signal));
      }
      return made;
    });
    const renewed = { ...application, modules };
    await this.#inTurn(async () => {
      // It may have been uninstalled, or installed anew, in the meantime.
      if (this.#catalogue.at(application.id, application.version)?.application !== application) return;
      await this.#catalogue.put({ application: renewed, instrumenter: INSTRUMENTER_VERSION });
    });
    return renewed;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** What the caller says about a bundle has to be what the bundle says about itself. */
function requireAsked({ manifest }: Bundle, input: InstallInput): void {
  const differs = (field: "package" | "version", said: string): void => {
    if (input[field] === undefined || input[field] === said) return;
    throw new ShoalError("invalid_argument", `the bundle's ${field} is ${said}, not ${input[field]}`, { field });
  };
  differs("package", manifest.package);
  differs("version", manifest.appVersion);
}

/** What explorers show: name, description, author and links, as the manifest has them. */
function manifestMetadata({ manifest: { metadata, links } }: Bundle): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ ...metadata, ...(links ? { links } : {}) }));
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  let file;
  try {
    file = await open(path, "r");
  } catch (cause) {
    throw new ShoalError("invalid_argument", `cannot read ${path}: ${messageOf(cause)}`, { field: "path", cause });
  }
  try {
    if (!(await file.stat()).isFile())
      throw new ShoalError("invalid_argument", `${path} is not a file`, { field: "path" });
    yield* file.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>;
  } finally {
    await file.close();
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* [];
}
