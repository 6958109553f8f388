/**
 * What is installed: few and small, so all of it is in memory, and in the store's column `application`. One kind byte, then:
 *   `0 ‖ application ‖ version`       the record of that version
 *   `1 ‖ package ‖ 0 ‖ version`       the application
 * Every blob of a version is referred to by `application:<id>@<version>`, in the batch that puts or takes the record.
 */
import { compareSemver } from "@shoal/shared/base/semver.ts";
import { addReference, removeReference } from "../blobs/manifest.ts";
import type { Application } from "../model/application.ts";
import { type ApplicationId, type BlobId, bytesOf } from "../model/ids.ts";
import { keyOf, prefixRange, textKey } from "../storage/keys.ts";
import type { Row, Store } from "../storage/store.ts";
import { decodeRecord, encodeRecord, type Installed } from "./record.ts";

const RECORD = Uint8Array.of(0);
const PACKAGE = Uint8Array.of(1);
const END = Uint8Array.of(0);

/** Package and version of a raw module whose installer named none: it belongs to no package. */
export const NO_PACKAGE = "unknown";
export const NO_VERSION = "0.0.0";

/** Newest first; equal versions in the order of their installation, latest first. */
const newestFirst = ({ application: a }: Installed, { application: b }: Installed): number =>
  compareSemver(b.version, a.version) || b.installedAtMs - a.installedAtMs;

export class Catalogue {
  readonly #store: Store;
  /** By id, then by version. */
  readonly #installed = new Map<ApplicationId, Map<string, Installed>>();
  /** Asked for by every call that a context runs. */
  readonly #newest = new Map<ApplicationId, Installed>();

  private constructor(store: Store) {
    this.#store = store;
  }

  static async load(store: Store): Promise<Catalogue> {
    const catalogue = new Catalogue(store);
    for await (const [, value] of store.scan("application", prefixRange(RECORD))) catalogue.#keep(decodeRecord(value));
    return catalogue;
  }

  /** The newest version. */
  newest(id: ApplicationId): Installed | undefined {
    return this.#newest.get(id);
  }

  at(id: ApplicationId, version: string): Installed | undefined {
    return this.#installed.get(id)?.get(version);
  }

  /** Newest first. */
  versionsOf(id: ApplicationId): readonly Installed[] {
    return [...(this.#installed.get(id)?.values() ?? [])].sort(newestFirst);
  }

  ids(): readonly ApplicationId[] {
    return [...this.#installed.keys()];
  }

  packages(): readonly string[] {
    const names = new Set(this.#all().map(({ application }) => application.package));
    names.delete(NO_PACKAGE);
    return [...names].sort();
  }

  /** Newest first. */
  ofPackage(name: string): readonly Installed[] {
    return this.#all()
      .filter(({ application }) => application.package === name)
      .sort(newestFirst);
  }

  /** Puts a version in the place of the one of the same id and version; resolves when it is on disk. */
  async put(installed: Installed): Promise<void> {
    const { application } = installed;
    const before = this.at(application.id, application.version)?.application;
    const blobs = blobsOf(application);
    const owner = ownerOf(application);
    const dropped = before === undefined ? [] : [...blobsOf(before)].filter((blob) => !blobs.has(blob));
    await this.#apply([
      row(recordKey(application), encodeRecord(installed)),
      row(packageKey(application), bytesOf(application.id)),
      ...[...blobs].flatMap((blob) => addReference(bytesOf(blob), owner)),
      ...dropped.flatMap((blob) => removeReference(bytesOf(blob), owner)),
    ]);
    this.#keep(installed);
  }

  /** Takes all versions away; resolves when that is on disk. */
  async remove(id: ApplicationId): Promise<void> {
    const rows: Row[] = [];
    for (const { application } of this.versionsOf(id)) {
      rows.push(row(recordKey(application), undefined), ...this.#packageRows(application));
      for (const blob of blobsOf(application)) rows.push(...removeReference(bytesOf(blob), ownerOf(application)));
    }
    await this.#apply(rows);
    this.#installed.delete(id);
    this.#newest.delete(id);
  }

  /** Another application may have taken the place of the same package and version: its row stays. */
  #packageRows(application: Application): readonly Row[] {
    const others = this.ofPackage(application.package).filter(
      (other) => other.application.version === application.version && other.application.id !== application.id,
    );
    const next = others[0]?.application;
    return [row(packageKey(application), next === undefined ? undefined : bytesOf(next.id))];
  }

  #all(): Installed[] {
    return [...this.#installed.values()].flatMap((versions) => [...versions.values()]);
  }

  #keep(installed: Installed): void {
    const { id, version } = installed.application;
    const versions = this.#installed.get(id) ?? new Map<string, Installed>();
    versions.set(version, installed);
    this.#installed.set(id, versions);
    this.#newest.set(id, this.versionsOf(id)[0] ?? installed);
  }

  async #apply(rows: readonly Row[]): Promise<void> {
    await Promise.all([this.#store.apply(rows), this.#store.durable()]);
  }
}

const row = (key: Uint8Array, value: Uint8Array | undefined): Row => ({ column: "application", key, value });
const recordKey = ({ id, version }: Application): Uint8Array => keyOf(RECORD, bytesOf(id), textKey(version));
const packageKey = (application: Application): Uint8Array =>
  keyOf(PACKAGE, textKey(application.package), END, textKey(application.version));
const ownerOf = ({ id, version }: Application): string => `application:${id}@${version}`;

function blobsOf({ blob, modules }: Application): ReadonlySet<BlobId> {
  return new Set([blob, ...modules.flatMap(({ bytecode, prepared }) => [bytecode, prepared])]);
}
