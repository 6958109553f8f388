/** Counts the words of real text that users post, over restarts and moves; each post is an event. */
import { Processor, runProcessor, seconds, ShoalError, type Routes, type StateData } from "@shoal/processor/index.ts";
import { topWords, wordsOf } from "./words.ts";

const TOP = 20;
/** A state of that many words stays far below 8 MiB. */
const WORDS_MAX = 200_000;

class WordCount extends Processor {
  readonly #counts = new Map<string, number>();
  #posts = 0;

  override async run(): Promise<void> {
    // The work comes by HTTP; the loop only says now and then that it is alive.
    for await (const _ of this.runLoop(seconds(60))) {
      this.context.logger().debug({ posts: this.#posts, words: this.#counts.size }, "counting");
    }
  }

  override routes(): Routes {
    return {
      "POST /text": async (request) => ({ status: 202, body: await this.#take(await request.text()) }),
      "GET /counts": () => ({ body: this.#summary(TOP) }),
    };
  }

  override getState(): StateData {
    return { posts: this.#posts, counts: Object.fromEntries(this.#counts) };
  }

  override restoreState(data: StateData): void {
    const { posts, counts } = data;
    if (typeof posts !== "number" || typeof counts !== "object" || counts === null) {
      throw new ShoalError("invalid_argument", "a word count has posts and counts", { field: "data" });
    }
    this.resetState();
    this.#posts = posts;
    for (const [word, count] of Object.entries(counts)) this.#counts.set(word, Number(count));
  }

  override resetState(): void {
    this.#posts = 0;
    this.#counts.clear();
  }

  /** Counts first and publishes then: both happen, or the caller is told and the count stands without its event. */
  async #take(text: string): Promise<object> {
    const words = wordsOf(text);
    if (words.length === 0) throw new ShoalError("invalid_argument", "the text has no words", { field: "body" });
    const fresh = new Set(words.filter((word) => !this.#counts.has(word)));
    if (this.#counts.size + fresh.size > WORDS_MAX) {
      throw new ShoalError("plan_limit_exceeded", `at most ${WORDS_MAX} different words are counted`);
    }
    for (const word of words) this.#counts.set(word, (this.#counts.get(word) ?? 0) + 1);
    this.#posts++;
    const payload = { post: this.#posts, words: words.length, new_words: fresh.size, ...this.#summary(5) };
    await this.publish({ eventType: "counted", payload });
    return payload;
  }

  #summary(top: number): { posts: number; different_words: number; top: readonly (readonly [string, number])[] } {
    return { posts: this.#posts, different_words: this.#counts.size, top: topWords(this.#counts, top) };
  }
}

await runProcessor(WordCount);
