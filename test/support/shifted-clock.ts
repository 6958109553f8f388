/** Loaded into a process before its program: its clock, and that of its threads, is wrong by so many milliseconds. */
const shiftMs = Number(process.env["SHIFTED_CLOCK_MS"]);
const RightDate = Date;

globalThis.Date = new Proxy(RightDate, {
  construct: (target, args: []) =>
    new target(...(args.length === 0 ? ([RightDate.now() + shiftMs] as unknown as []) : args)),
  get: (target, name, receiver): unknown =>
    name === "now" ? () => RightDate.now() + shiftMs : Reflect.get(target, name, receiver),
});
