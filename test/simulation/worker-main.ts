/** A process that runs plans one after the other; the fault that it is to have is planted before anything else is loaded. */
import { FAULTS } from "./mutants.ts";
import { plant } from "./plant.ts";
import type { Plan } from "./plan.ts";

const name = process.env["SHOAL_PLANTED"];
const fault = FAULTS.find((one) => one.name === name);
if (name !== undefined && fault === undefined) throw new Error(`no fault is called ${name}`);
if (fault !== undefined) plant(fault);
const { runPlan } = await import("./run.ts");

process.on("message", (plan: Plan) => {
  void runPlan(plan).then((verdict) => process.send?.(verdict));
});
