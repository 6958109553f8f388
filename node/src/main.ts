#!/usr/bin/env node
/** `shoal-node`: see `process.ts`. */
import { runProcess } from "./process.ts";

await runProcess();
