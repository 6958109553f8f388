/** The port to the broker that both SDKs and the command line use. */
export { busUnavailable } from "./connection.ts";
export { BusLink } from "./link.ts";
export { declareOutput } from "./topology.ts";
