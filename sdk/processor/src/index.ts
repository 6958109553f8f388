/** What a processor's author imports. */
export { runProcessor } from "./app/run.ts";
export { Processor } from "./app/processor.ts";
export { processorOf, type FunctionProcessor } from "./app/function.ts";
export type { ProcessorContext } from "./app/context.ts";
export type { OutgoingEvent } from "./app/output.ts";
export type { RouteHandler, RouteReply, RouteRequest, Routes } from "./app/routes.ts";
export type { StateData } from "./state/body.ts";
export type { ResetLevel } from "./recovery/reset.ts";
export { ShoalError } from "@shoal/shared/base/errors.ts";
export { milliseconds, minutes, seconds } from "@shoal/shared/base/time.ts";
