/** `node:stream/promises`, by the same package as `node:stream`. */
import { promises } from "node:stream";

export const { pipeline } = promises;
