/**
 * When a job fires next. Two notations, as Cloud Scheduler takes them: unix-cron, and App Engine's English ("every 5
 * minutes", "every monday,friday 09:00", "2nd,third mon of mar,sep 17:00"). The job's time zone decides what a day is.
 */
import { Cron } from "croner";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { timestamp, type Timestamp } from "@shoal/shared/base/time.ts";

/** First fire strictly after the given time; `undefined` where there is none. */
export type Schedule = (after: Timestamp) => Timestamp | undefined;

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const ORDINALS = ["first", "second", "third", "fourth", "fifth"];

/** Throws `invalid_argument` for what is neither notation, and for a time zone that does not exist. */
export function parseSchedule(text: string, timeZone: string): Schedule {
  const words = text.trim().toLowerCase().replace(/\s+/g, " ");
  try {
    return interval(words, timeZone) ?? cron(english(words) ?? words, timeZone);
  } catch (thrown) {
    throw new ShoalError("invalid_argument", `"${text}" in ${timeZone} is no schedule`, {
      field: "schedule",
      cause: thrown,
    });
  }
}

/** `every N minutes|hours`: evenly over the day where N divides it, else evenly from the epoch. */
function interval(words: string, timeZone: string): Schedule | undefined {
  const match = /^every (\d+) (minutes?|mins?|hours?)( synchronized)?$/.exec(words);
  if (match === null) return undefined;
  const count = Number(match[1]);
  if (count < 1) throw new Error("an interval has to pass");
  const isHours = match[2]?.startsWith("hour") === true;
  if (!isHours && 60 % count === 0) return cron(`*/${count} * * * *`, timeZone);
  if (isHours && 24 % count === 0) return cron(`0 */${count} * * *`, timeZone);
  const length = count * (isHours ? 3_600_000 : 60_000);
  return (after) => timestamp((Math.floor(after / length) + 1) * length);
}

/** Cron for `every day|WEEKDAYS HH:MM` and `ORDINALS WEEKDAYS of month|MONTHS HH:MM`. */
function english(words: string): string | undefined {
  const match = /^(every|[a-z0-9,]+) ([a-z,]+)(?: of ([a-z,]+))? (\d{1,2}):(\d{2})$/.exec(words);
  if (match === null) return undefined;
  const [, which = "", days = "", months = "month", hour = "", minute = ""] = match;
  const month = months === "month" ? "*" : list(months, (name) => indexOf(MONTHS, name) + 1);
  const everyDay = DAYS.join(",");
  const ordinals = which === "every" ? [""] : which.split(",").map((name) => `#${ordinalOf(name)}`);
  const weekday = (days === "day" ? everyDay : days)
    .split(",")
    .flatMap((day) => ordinals.map((ordinal) => `${indexOf(DAYS, day)}${ordinal}`));
  return `${Number(minute)} ${Number(hour)} * ${month} ${weekday.join(",")}`;
}

function list(names: string, numberOf: (name: string) => number): string {
  return names.split(",").map(numberOf).join(",");
}

/** `monday`, `mon`: the first three letters say it. */
function indexOf(names: readonly string[], name: string): number {
  const index = names.indexOf(name.slice(0, 3));
  if (index < 0) throw new Error(`${name} is not known`);
  return index;
}

function ordinalOf(name: string): number {
  const number = /^([1-5])(st|nd|rd|th)$/.exec(name)?.[1];
  const index = number === undefined ? ORDINALS.indexOf(name) : Number(number) - 1;
  if (index < 0) throw new Error(`${name} is not known`);
  return index + 1;
}

function cron(pattern: string, timeZone: string): Schedule {
  if (pattern.split(" ").length !== 5) throw new Error("a cron schedule has five fields");
  const job = new Cron(pattern, { timezone: timeZone, paused: true });
  const nextOf = (after: Timestamp): Timestamp | undefined => {
    const next = job.nextRun(new Date(after));
    return next === null ? undefined : timestamp(next.getTime());
  };
  // A wrong time zone shows itself only here.
  nextOf(timestamp(0));
  return nextOf;
}
