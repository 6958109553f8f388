/** A team's board of tasks, second version: several assignees, labels, and an archive for what is done. */
import {
  AuthoredMap,
  Counter,
  Map,
  PnCounter,
  Register,
  app,
  emit,
  env,
  fail,
  init,
  migrate,
  previous,
  version,
  view,
} from "@shoal/app";
import { Change, Column, Comment, Task, TaskChanged, TaskV1 } from "./values";

/** Tasks in here are done. */
const DONE = "done";

@app
@version(2)
class TaskBoard {
  title: Register<string>;
  columns: Map<string, Column>;
  tasks: Map<string, Task>;
  archive: Map<string, Task>;
  /** By task. */
  comments: Map<string, AuthoredMap<string, Comment>>;
  /** Ids are in the order of their time. */
  history: AuthoredMap<string, Change>;
  added: Counter;
  open: PnCounter;

  @init
  init(title: string, columns: string[] = ["todo", "doing", "done"]): void {
    this.title.value = title;
    for (let i = 0; i < columns.length; i++) this.addColumn(columns[i], i);
  }

  /** Runs once, on the state that version 1 left; of two nodes that run it while they are apart, both write the same. */
  @migrate(1)
  fromV1(): void {
    const before = previous<Map<string, TaskV1>>("tasks").values();
    for (let i = 0; i < before.length; i++) {
      const old = before[i];
      const assignees = new Array<string>();
      if (old.assignee !== null) assignees.push(old.assignee!);
      const task = new Task(old.id, old.title, old.column, assignees, []);
      if (old.column == DONE) {
        this.archive.set(old.id, task);
        this.tasks.delete(old.id);
      } else this.tasks.set(old.id, task);
    }
  }

  rename(title: string): void {
    this.title.value = title;
  }

  @view
  name(): string {
    return this.title.value;
  }

  addColumn(name: string, rank: f64): void {
    if (this.columns.has(name)) fail("there is a column " + name + " already", "already_exists");
    this.columns.set(name, new Column(name, rank));
  }

  @view
  listColumns(): Column[] {
    return this.columns.values().sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0));
  }

  /** The new task's id. */
  add(title: string, column: string = "todo"): string {
    this.demandColumn(column);
    const id = env.uniqueId();
    this.tasks.set(id, new Task(id, title, column, [], []));
    this.comments.open(id);
    this.added.increment();
    if (column != DONE) this.open.increment();
    this.record(id, "added to " + column);
    return id;
  }

  move(task: string, column: string): void {
    this.demandColumn(column);
    const old = this.demandTask(task);
    if (old.column == column) return;
    this.tasks.set(task, new Task(task, old.title, column, old.assignees, old.labels));
    if (column == DONE) this.open.decrement();
    if (old.column == DONE) this.open.increment();
    this.record(task, "moved from " + old.column + " to " + column);
  }

  assign(task: string, assignee: string): void {
    const old = this.demandTask(task);
    if (old.assignees.includes(assignee)) return;
    const assignees = old.assignees.concat([assignee]);
    this.tasks.set(task, new Task(task, old.title, old.column, assignees, old.labels));
    this.record(task, "assigned to " + assignee);
  }

  unassign(task: string, assignee: string): bool {
    const old = this.demandTask(task);
    const at = old.assignees.indexOf(assignee);
    if (at < 0) return false;
    old.assignees.splice(at, 1);
    this.tasks.set(task, old);
    this.record(task, "taken from " + assignee);
    return true;
  }

  label(task: string, labels: string[]): void {
    const old = this.demandTask(task);
    this.tasks.set(task, new Task(task, old.title, old.column, old.assignees, labels));
    this.record(task, "labelled " + labels.join(", "));
  }

  /** Puts every task that is done away; how many there were. */
  sweep(): i32 {
    const all = this.tasks.values();
    let count = 0;
    for (let i = 0; i < all.length; i++) {
      if (all[i].column != DONE) continue;
      this.archive.set(all[i].id, all[i]);
      this.tasks.delete(all[i].id);
      count += 1;
    }
    return count;
  }

  @view
  archived(): Task[] {
    return this.archive.values().sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  comment(task: string, text: string): string {
    this.demandTask(task);
    const id = env.uniqueId();
    this.comments.open(task).add(id, new Comment(id, env.executorId(), text, env.timeMs()));
    return id;
  }

  @view
  listComments(task: string): Comment[] {
    const comments = this.comments.get(task);
    if (comments === null) return [];
    return comments.values().sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** In the order they were added; of one column, or of all. */
  @view
  list(column: string | null = null): Task[] {
    const all = this.tasks.values().sort((a, b) => (a.id < b.id ? -1 : 1));
    const found = new Array<Task>();
    for (let i = 0; i < all.length; i++) if (column === null || all[i].column == column) found.push(all[i]);
    return found;
  }

  /** What was done to a task, in order. */
  @view
  historyOf(task: string): string[] {
    const all = this.history.values().sort((a, b) => (a.id < b.id ? -1 : 1));
    const found = new Array<string>();
    for (let i = 0; i < all.length; i++) if (all[i].task == task) found.push(all[i].what);
    return found;
  }

  @view
  addedCount(): u64 {
    return this.added.value;
  }

  @view
  openCount(): i64 {
    return this.open.value;
  }

  private record(task: string, what: string): void {
    const id = env.uniqueId();
    this.history.add(id, new Change(id, env.executorId(), task, what));
    emit(new TaskChanged(task, what));
  }

  private demandColumn(column: string): void {
    if (!this.columns.has(column)) fail("no such column: " + column, "not_found");
  }

  private demandTask(task: string): Task {
    const found = this.tasks.get(task);
    if (found === null) throw new Error("no such task: " + task);
    return found;
  }
}
