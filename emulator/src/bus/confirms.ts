/**
 * What a channel in confirm mode owes its publisher. Confirms leave in the order of publication, as one
 * `basic.ack multiple` for as many as are due; a message that has to be on disk first holds back those after it, which is
 * allowed and makes the common case one small frame per write.
 */
interface Owed {
  readonly tag: number;
  /** Due once the log's ticket is on disk; 0 for at once. */
  readonly ticket: number;
  readonly refused: boolean;
}

export interface ConfirmOut {
  ack(tag: number, multiple: boolean): void;
  nack(tag: number): void;
}

export class Confirms {
  #tag = 0;
  /** One was skipped, so that `multiple` would confirm it after all: from then on each is confirmed by itself. */
  #skipped = false;
  #owed: Owed[] = [];

  get waiting(): number {
    return this.#owed.length;
  }

  add(ticket: number, refused: boolean): void {
    this.#owed.push({ tag: ++this.#tag, ticket, refused });
  }

  /** The publisher never hears of this one. */
  skip(): void {
    this.#tag += 1;
    this.#skipped = true;
  }

  /** Pays what is due now that `written` is on disk. How many that were. */
  pay(written: number, out: ConfirmOut): number {
    let paid = 0;
    let acked: Owed | undefined;
    let run = 0;
    const ack = (): void => {
      if (acked !== undefined) out.ack(acked.tag, run > 1);
      acked = undefined;
      run = 0;
    };
    for (const owed of this.#owed) {
      if (owed.ticket > written) break;
      paid += 1;
      if (owed.refused) {
        ack();
        out.nack(owed.tag);
      } else {
        if (this.#skipped) ack();
        acked = owed;
        run += 1;
      }
    }
    ack();
    if (paid > 0) this.#owed = this.#owed.slice(paid);
    return paid;
  }
}
