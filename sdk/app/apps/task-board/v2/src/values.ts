/** What the board stores, returns and tells. */
import { event, json } from "@shoal/app";

@json
export class Column {
  constructor(
    readonly name: string,
    /** Columns stand in the order of this number. */
    readonly rank: f64,
  ) {}
}

@json
export class Task {
  constructor(
    readonly id: string,
    readonly title: string,
    readonly column: string,
    /** Defaults: a node that still runs version 1 may write tasks that have neither. */
    readonly assignees: string[] = [],
    readonly labels: string[] = [],
  ) {}
}

/** A task as version 1 kept it: one assignee, no labels. */
@json
export class TaskV1 {
  constructor(
    readonly id: string,
    readonly title: string,
    readonly column: string,
    readonly assignee: string | null = null,
  ) {}
}

@json
export class Comment {
  constructor(
    readonly id: string,
    readonly author: string,
    readonly text: string,
    readonly writtenAtMs: u64,
  ) {}
}

/** One thing that was done to a task. */
@json
export class Change {
  constructor(
    readonly id: string,
    readonly by: string,
    readonly task: string,
    readonly what: string,
  ) {}
}

@event
export class TaskChanged {
  constructor(
    readonly task: string,
    readonly what: string,
  ) {}
}
