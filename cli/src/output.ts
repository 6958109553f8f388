/** What a command says: tables and details for people, JSON for programs, or only names (`--quiet`). Nothing else is printed. */
import Table from "cli-table3";
import { fromIso, type Timestamp } from "@shoal/shared/base/time.ts";

export type Format = "json" | "table";

export interface Column<Item> {
  readonly title: string;
  readonly cell: (item: Item, now: Timestamp) => string | number | null;
}

export interface Output {
  readonly format: Format;
  readonly isQuiet: boolean;
  /** A whole answer: as JSON, or by `human` in lines; quiet, only `name`. */
  readonly result: (value: unknown, name: string, human: (now: Timestamp) => string) => void;
  /** One value of a stream: a line of JSON, or a line for people. */
  readonly step: (value: unknown, human: () => string) => void;
  /** Raw text, such as a log line. */
  readonly line: (text: string) => void;
  /** To the person, beside the output; quiet, nothing. */
  readonly note: (text: string) => void;
}

export interface Streams {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly now: () => Timestamp;
}

export function createOutput(streams: Streams, format: Format, isQuiet: boolean): Output {
  return {
    format,
    isQuiet,
    result: (value, name, human) => {
      if (format === "json") streams.stdout(`${JSON.stringify(value, null, 2)}\n`);
      else if (!isQuiet) streams.stdout(`${human(streams.now())}\n`);
      else if (name !== "") streams.stdout(`${name}\n`);
    },
    step: (value, human) => streams.stdout(`${format === "json" ? JSON.stringify(value) : human()}\n`),
    line: (text) => streams.stdout(`${text}\n`),
    note: (text) => {
      if (!isQuiet) streams.stderr(`${text}\n`);
    },
  };
}

const BARE = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};
const STYLE = { chars: BARE, style: { "padding-left": 0, "padding-right": 0, head: [], border: [] } };

export function table<Item>(items: readonly Item[], columns: readonly Column<Item>[], now: Timestamp): string {
  if (items.length === 0) return "none";
  const rows = new Table({ ...STYLE, head: columns.map((column) => column.title.toUpperCase()) });
  for (const item of items) rows.push(columns.map((column) => shown(column.cell(item, now))));
  return trimmed(rows.toString());
}

/** Name and value, a line each. What ends in `_at` or is called `since` is a time, and shown with its age. */
export function details(value: Readonly<Record<string, unknown>>, now: Timestamp): string {
  const rows = new Table(STYLE);
  for (const [name, field] of Object.entries(value)) rows.push([name.replaceAll("_", " "), detail(name, field, now)]);
  return trimmed(rows.toString());
}

function detail(name: string, value: unknown, now: Timestamp): string {
  if (typeof value === "string" && /_at$|^since$|_since$/.test(name)) return `${clean(value)} (${age(value, now)} ago)`;
  if (value !== null && typeof value === "object") return clean(JSON.stringify(value));
  return shown(value as string | number | boolean | null);
}

function shown(value: string | number | boolean | null): string {
  return value === null || value === "" ? "-" : clean(String(value));
}

/** What a server or a user stored must not move the cursor, recolour the screen or break a row. */
export function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

/** cli-table3 pads the last column too. */
function trimmed(text: string): string {
  return text.replace(/ +$/gm, "");
}

/** How long ago, in its largest unit: 42s, 7m, 3h, 12d; `-` for never. */
export function age(iso: string | null, now: Timestamp): string {
  const then = iso === null ? undefined : fromIso(iso);
  if (then === undefined) return "-";
  const seconds = Math.max(0, Math.round((now - then) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
