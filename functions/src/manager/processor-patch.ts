/** What a merge patch means to a processor's intent: the merged whole has to be valid, not only the patch. */
import type { Body } from "@shoal/shared/wire/endpoints/index.ts";
import { runtimeConfigOverlaySchema } from "@shoal/shared/wire/runtime-config.ts";
import type { Tx } from "../store/database.ts";
import type { IntentChange } from "../store/processors/change-intent.ts";
import { findProcessor, type ProcessorView } from "../store/processors/read.ts";
import { mergePatch } from "./merge-patch.ts";
import { nameTaken, refuseContradiction } from "./processor-create.ts";
import { validated } from "./road/validate.ts";

export async function changeOf(tx: Tx, row: ProcessorView, patch: Body<"processors.update">): Promise<IntentChange> {
  const { name } = patch;
  if (name !== undefined && name !== row.name && (await findProcessor(tx, name, { lock: false })) !== undefined)
    throw nameTaken();
  const renamed = name === undefined ? {} : { name };
  if (patch.config === undefined) return renamed;
  const config = validated(runtimeConfigOverlaySchema, mergePatch(row.config, patch.config), "config");
  await refuseContradiction(tx, row.processor_template_id, config);
  return { ...renamed, config };
}
