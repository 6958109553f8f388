/** What may be wrong with a machine, each as a sentence that says what to do. */
import { messageOf } from "@shoal/shared/base/errors.ts";

interface Problem {
  readonly when: (text: string) => boolean;
  readonly say: (text: string) => string;
}

const PROBLEMS: readonly Problem[] = [
  {
    when: (text) => /EADDRINUSE|address already in use/i.test(text),
    say: (text) =>
      `Port ${/(?::|port )(\d{2,5})/.exec(text)?.[1] ?? "?"} is in use by another program. Stop it, or start with other ports: SHOAL_PORT=9000 npm start`,
  },
  {
    when: (text) => /EADDRNOTAVAIL/.test(text),
    say: () =>
      "This machine answers on 127.0.0.1 only, and each pod needs a loopback address of its own. On macOS add aliases first: " +
      "for i in $(seq 2 60); do sudo ifconfig lo0 alias 127.42.0.$i; done",
  },
  {
    when: (text) => /EROFS|EACCES|EPERM|ENOENT.*mkdir|read-only|permission denied/i.test(text),
    say: (text) =>
      `A file cannot be written: ${text}. Choose a folder that can be: SHOAL_DATA_DIR=/tmp/shoal npm start`,
  },
  {
    when: (text) => /ENOSPC|no space left/i.test(text),
    say: () => "The disk is full. Free some space, or put the data elsewhere: SHOAL_DATA_DIR=/other/disk npm start",
  },
];

/** The error and its causes in one text: what the system said is often the innermost. */
function textOf(thrown: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = thrown; at instanceof Error && parts.length < 5; at = at.cause) parts.push(at.message);
  return parts.length === 0 ? messageOf(thrown) : parts.join(": ");
}

export function sentenceFor(thrown: unknown): string {
  const text = textOf(thrown);
  return PROBLEMS.find(({ when }) => when(text))?.say(text) ?? text;
}
