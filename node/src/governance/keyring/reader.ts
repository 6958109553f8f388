/** What the log says about keys: which scope a payload is of, which key is current there, and whether it may still be used. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { GroupId, Hash } from "../../model/ids.ts";
import type { KeyPair } from "../../model/keys.ts";
import type { Store } from "../../storage/store.ts";
import type { Book } from "../book.ts";
import type { Ledger } from "../ledger.ts";
import type { KeyScope } from "../replication.ts";
import type { Namespace, Rotation } from "../rules/state.ts";
import { isEffective, Takings } from "./freshness.ts";
import { keptKey } from "./ring.ts";
import { scopeOfContext, scopeOfGroup, type Scope } from "./scopes.ts";

export interface KeyringInit {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly account: KeyPair;
}

/** Where a payload is sealed: a scope, as its namespace stands now. */
export interface Place {
  readonly book: Book;
  readonly namespace: Namespace;
  readonly scope: Scope;
}

/** What was read of one log so far. */
interface Read {
  readonly takings: Takings;
  /** Ops that made a key, by `scope/keyId`. */
  readonly made: Map<string, Hash[]>;
  /** Ids of a scope's keys, in the order of arrival. */
  readonly ofScope: Map<string, string[]>;
  read: number;
  /** Whether a scope's key is fresh in `state`. */
  readonly fresh: Map<string, boolean>;
  state: Namespace | undefined;
}

export class KeyReader {
  readonly #init: KeyringInit;
  readonly #reads = new WeakMap<Book, Read>();

  constructor(init: KeyringInit) {
    this.#init = init;
  }

  placeOf(asked: KeyScope): Place | undefined {
    const { ledger } = this.#init;
    const namespaceId = asked.type === "namespace" ? asked.namespaceId : ledger.namespaceOf(asked.contextId);
    const book = namespaceId === undefined ? undefined : ledger.book(namespaceId);
    const namespace = book?.history.state;
    if (book === undefined || namespace === undefined) return undefined;
    const root = namespace.groups.get(namespace.id);
    const scope =
      asked.type === "context"
        ? scopeOfContext(namespace, asked.contextId, ledger.groupOf(asked.contextId))
        : root && scopeOfGroup(root);
    return scope && { book, namespace, scope };
  }

  /** The key to seal with; undefined where a new one has to be made first. Throws `unavailable` where members have to give it. */
  current(place: Place): Uint8Array | undefined {
    const rotation = place.namespace.rotations.get(place.scope.id);
    if (rotation === undefined || !this.#isFresh(place, rotation)) return undefined;
    const key = this.kept(place.namespace.id, place.scope, rotation.keyId);
    if (key !== undefined) return key;
    // A box that does not hold the key it names was made to keep this account from writing.
    if (rotation.audience.has(this.#init.account.publicKey)) return undefined;
    throw new ShoalError("unavailable", "this node was not given the key yet");
  }

  /** The key of that id where it is here and an effective op made it for that very scope. */
  made({ book, namespace, scope }: Place, keyId: string): Uint8Array | undefined {
    const ops = this.#readOf(book).made.get(`${scope.id}/${keyId}`) ?? [];
    return ops.some((op) => isEffective(book, op)) ? this.kept(namespace.id, scope, keyId) : undefined;
  }

  /** The log that tells of the key, if any does. */
  logOf(scope: string, keyId: string): Book | undefined {
    const name = `${scope}/${keyId}`;
    for (const book of this.#init.ledger.books()) if (this.#readOf(book).made.has(name)) return book;
    return undefined;
  }

  /** Ids of the keys that were ever made for the scope, the latest last. */
  keyIds(book: Book, scope: Scope): readonly string[] {
    return this.#readOf(book).ofScope.get(scope.id) ?? [];
  }

  kept(namespaceId: GroupId, scope: Scope, keyId: string): Uint8Array | undefined {
    return keptKey(this.#init.store, namespaceId, scope.id, Buffer.from(keyId, "hex"));
  }

  #isFresh({ book, namespace, scope }: Place, rotation: Rotation): boolean {
    const read = this.#readOf(book);
    const known = read.fresh.get(scope.id) ?? read.takings.isFresh(book, namespace, scope, rotation);
    read.fresh.set(scope.id, known);
    return known;
  }

  #readOf(book: Book): Read {
    const read = this.#reads.get(book) ?? nothingRead();
    this.#reads.set(book, read);
    for (; read.read < book.arrivals.length; read.read++) {
      const logged = book.arrivals[read.read];
      if (logged === undefined || logged.op.action.type !== "GroupKeyRotated") continue;
      const { scope, keyId } = logged.op.action;
      const name = `${scope}/${keyId}`;
      if (!read.made.has(name)) read.ofScope.set(scope, [...(read.ofScope.get(scope) ?? []), keyId]);
      read.made.set(name, [...(read.made.get(name) ?? []), logged.hash]);
    }
    if (read.state !== book.history.state) {
      read.state = book.history.state;
      read.fresh.clear();
    }
    return read;
  }
}

const nothingRead = (): Read => ({
  takings: new Takings(),
  made: new Map(),
  ofScope: new Map(),
  read: 0,
  fresh: new Map(),
  state: undefined,
});
