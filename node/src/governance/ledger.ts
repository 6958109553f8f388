/**
 * Every namespace in memory, and the one road by which any of them changes: ops are made here or arrive, and are judged and
 * stored in the namespace's turn. Memory follows only what the store has taken.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { keyedTurns } from "../actors/keyed-turns.ts";
import type { ContextId, GroupId, Hash } from "../model/ids.ts";
import type { Row, Store } from "../storage/store.ts";
import { readArrivals, sortArrivals, type Readable } from "./arrivals.ts";
import { Book } from "./book.ts";
import { makeOps, type Companion, type Draft, type Made } from "./make.ts";
import { opRow } from "./log-rows.ts";
import { openBooks, expectedRow } from "./open-books.ts";
import { claimRows, Places, type Located } from "./places.ts";
import type { ReceivedOps } from "./replication.ts";
import type { LoggedOp } from "./rules/op.ts";
import type { Namespace } from "./rules/state.ts";

export type { Draft, Located };

/** Applies rows in one batch; rejects where none was applied. `after`: the state that they lead to, `heads`: the log's then. */
export type Commit = (rows: readonly Row[], after: Namespace | undefined, heads: readonly Hash[]) => Promise<void>;

/** What the store has taken. */
export interface Change {
  readonly book: Book;
  readonly ops: readonly LoggedOp[];
  readonly own: boolean;
  readonly before: Namespace | undefined;
  readonly after: Namespace | undefined;
}

export interface Ledger {
  /** undefined where this node knows no such group. */
  find(groupId: GroupId): Located | undefined;
  groupOf(contextId: ContextId): GroupId | undefined;
  /** Also of a context that its namespace has let go of. */
  namespaceOf(contextId: ContextId): GroupId | undefined;
  namespaces(): Iterable<Namespace>;
  /** undefined where this node neither has the log nor expects it. */
  book(namespaceId: GroupId): Book | undefined;
  books(): Iterable<Book>;
  /**
   * All drafts or none; each is judged on the state that those before it leave. `drafts` is asked in the namespace's turn,
   * so that it may look at the state it changes. Rejects with the refusal as a `ShoalError`.
   */
  submit(namespaceId: GroupId, drafts: () => readonly Draft[], commit?: Commit): Promise<readonly LoggedOp[]>;
  /** What `submit` would reject with, thrown now; nothing is stored. */
  rehearse(namespaceId: GroupId, drafts: readonly Draft[]): void;
  /** See `GovernanceReplica.receive`. */
  receive(namespaceId: GroupId, encoded: readonly Uint8Array[]): Promise<ReceivedOps>;
  /** See `GovernanceReplica.expect`. */
  expect(namespaceId: GroupId, genesis: Hash | undefined): Promise<void>;
}

export interface LedgerInit {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Goes along with ops into their batch. */
  readonly companion?: Companion;
  /** Told of ops after the store has them. */
  readonly applied: (change: Change) => void;
}

export async function openLedger(init: LedgerInit): Promise<Ledger> {
  const places = await Places.read(init.store);
  const books = await openBooks(init.store, init.log, places);
  const turns = keyedTurns();
  const ledger = new Namespaces(init, places, books);
  return {
    find: (groupId) => places.find(groupId),
    groupOf: (contextId) => places.groupOf(contextId),
    namespaceOf: (contextId) => places.namespaceOf(contextId),
    namespaces: () => places.states(),
    book: (namespaceId) => books.get(namespaceId),
    books: () => books.values(),
    submit: (namespaceId, drafts, commit) =>
      turns.run(namespaceId, "write", () => ledger.submit(namespaceId, drafts(), commit)),
    rehearse: (namespaceId, drafts) => void ledger.make(namespaceId, drafts),
    async receive(namespaceId, encoded) {
      const readable = readArrivals(namespaceId, encoded, books.get(namespaceId)?.history);
      return turns.run(namespaceId, "write", () => ledger.receive(namespaceId, readable));
    },
    expect: (namespaceId, genesis) =>
      turns.run(namespaceId, "write", async () => {
        if (books.has(namespaceId)) return;
        await durably(init.store, [expectedRow(namespaceId, genesis)]);
        const book = new Book(namespaceId, genesis);
        books.set(namespaceId, book);
        init.applied({ book, ops: [], own: false, before: undefined, after: undefined });
      }),
  };
}

async function durably(store: Store, rows: readonly Row[]): Promise<void> {
  await Promise.all([store.apply(rows), store.durable()]);
}

/** The steps of a turn. */
class Namespaces {
  readonly #init: LedgerInit;
  readonly #places: Places;
  readonly #books: Map<GroupId, Book>;

  constructor(init: LedgerInit, places: Places, books: Map<GroupId, Book>) {
    this.#init = init;
    this.#places = places;
    this.#books = books;
  }

  make(namespaceId: GroupId, drafts: readonly Draft[]): Made {
    const { clock, companion, log } = this.#init;
    for (const { action } of drafts) this.#places.requireNew(namespaceId, action);
    const book = this.#books.get(namespaceId) ?? new Book(namespaceId, undefined);
    return makeOps({ book, nowMs: clock.now(), companion, log }, drafts);
  }

  async submit(namespaceId: GroupId, drafts: readonly Draft[], commit?: Commit): Promise<readonly LoggedOp[]> {
    const { store } = this.#init;
    const { book, ops, bytes, rows, after } = this.make(namespaceId, drafts);
    const claims = this.#places.claims(after, true);
    const all = [
      ...bytes.map((each, at) => opRow(namespaceId, book.length + at, each)),
      ...claimRows(namespaceId, claims),
      ...rows,
    ];
    if (commit === undefined) await durably(store, all);
    else {
      const last = ops.at(-1)?.hash;
      await commit(all, after, last === undefined ? book.history.heads : [last]);
    }
    if (ops.length === 0 || after === undefined) return [];
    this.#books.set(namespaceId, book);
    const from = book.length;
    for (const [at, logged] of ops.entries()) {
      const { kind } = book.take(logged, from + at);
      if (kind !== "added") throw new ShoalError("internal", `an op that was judged good is ${kind}`);
    }
    this.#moved(book, ops, true, claims);
    return ops.slice(0, drafts.length);
  }

  async receive(namespaceId: GroupId, { arrived, indexOf, refused }: Readable): Promise<ReceivedOps> {
    const { store, clock, companion, log } = this.#init;
    const book = this.#books.get(namespaceId);
    if (book === undefined) throw new ShoalError("not_found", "this node is in no such namespace");
    const nowMs = clock.now();
    const { ready, room, known, waiting } = sortArrivals({ book, store, nowMs }, arrived);
    const fitting = book.room.plan(room);
    const rows = [
      ...ready.map(({ bytes }, at) => opRow(namespaceId, book.length + at, bytes)),
      ...book.room.rows(fitting),
      ...(companion?.keep(namespaceId, ready) ?? []),
    ];
    if (rows.length > 0) await durably(store, rows);
    book.room.move(fitting);
    const { dropped = 0 } = fitting;
    if (dropped > 0) {
      log.warn({ namespace: namespaceId, dropped, ever: book.room.dropped }, "the waiting room is full: ops left it");
    }
    book.seenUntilMs = nowMs;
    const { added, never } = await this.#take(book, ready);
    return {
      added,
      known,
      waiting,
      refused: [
        ...refused,
        ...never.flatMap((hash) => {
          const index = indexOf.get(hash);
          return index === undefined ? [] : [{ index, because: "it descends from another founding op" }];
        }),
      ],
    };
  }

  /** Follows the store with ops that arrived. What the log never takes after all leaves the store again. */
  async #take(book: Book, ready: readonly LoggedOp[]): Promise<{ added: readonly Hash[]; never: readonly Hash[] }> {
    const { namespaceId, history, length } = book;
    const added: LoggedOp[] = [];
    const never: Hash[] = [];
    const rows: Row[] = [];
    for (const [at, { hash, op }] of ready.entries()) {
      const logged: LoggedOp = { hash, op };
      if (book.take(logged, length + at).kind === "added") added.push(logged);
      else {
        never.push(hash);
        rows.push(opRow(namespaceId, length + at, undefined));
      }
    }
    const claims = this.#places.claims(history.state, false);
    rows.push(...claimRows(namespaceId, claims));
    // At once, or a delta that is made meanwhile would name heads whose state nobody here has judged it by.
    if (added.length > 0) this.#moved(book, added, false, claims);
    // Lost with the process these are made anew at the next start.
    if (rows.length > 0) await this.#init.store.apply(rows);
    return { added: added.map(({ hash }) => hash), never };
  }

  #moved(book: Book, ops: readonly LoggedOp[], own: boolean, claims: ReturnType<Places["claims"]>): void {
    const before = this.#places.state(book.namespaceId);
    const after = book.history.state;
    if (after !== undefined) this.#places.move(after, claims);
    this.#init.applied({ book, ops, own, before, after });
  }
}
