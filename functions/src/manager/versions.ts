/**
 * Versions of a template, and which of them its processors run. A configuration that no pod could have is refused when it is
 * given, with its field, and so is a version that an existing processor's own settings contradict.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { makeId } from "@shoal/shared/base/ids.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { PROCESSOR_LIMITS } from "@shoal/shared/model/processor.ts";
import type { TemplateVersion } from "@shoal/shared/wire/endpoints/templates.ts";
import {
  effectiveConfig,
  runtimeConfigOverlaySchema,
  runtimeConfigSchema,
  type RuntimeConfig,
} from "@shoal/shared/wire/runtime-config.ts";
import type { Database } from "../store/database.ts";
import { changeProcessorsOf, resourceOverlaysOf } from "../store/templates/change-processors.ts";
import { findTemplate, lockTemplate, type TemplateRow } from "../store/templates/templates.ts";
import {
  createVersion,
  findVersion,
  hasVersion,
  listVersions,
  setActive,
  type VersionRow,
} from "../store/templates/versions.ts";
import type { Handlers } from "./call.ts";
import { configProblem, refuseLargeConfig } from "./config-rules.ts";
import { found } from "./missing.ts";
import { pageBody, pageRequest } from "./paging.ts";
import { principalOf } from "./principal.ts";
import { created, ok } from "./reply.ts";
import type { Unit, Units } from "./unit.ts";

export interface VersionsInit {
  readonly database: Pick<Database, "asTenant">;
  readonly units: Units;
  readonly random: Random;
}

const FIELD = "runtime_config_template";

type Ids = "versions.create" | "versions.list" | "versions.get" | "versions.activate";

export function versionHandlers({ database, units, random }: VersionsInit): Pick<Handlers, Ids> {
  return {
    "versions.create": async (call) => {
      const { activate, ...body } = call.body;
      refuseLargeConfig(body.runtime_config_template, FIELD, PROCESSOR_LIMITS.configMaxBytes);
      const problem = configProblem(body.runtime_config_template);
      if (problem !== undefined) {
        const field = `${FIELD}.${problem.field}`;
        throw new ShoalError("invalid_argument", `${field}: ${problem.message}`, { field });
      }
      return units.run(call, { principal: principalOf(call) }, async (unit) => {
        const template = found(await lockTemplate(unit.tx, call.params.id, "update"), "template");
        const isFirst = !(await hasVersion(unit.tx, template.id));
        const row = await createVersion(unit.tx, {
          ...body,
          id: makeId<string>("version", random),
          organisation_id: call.caller.organisation.id,
          processor_template_id: template.id,
        });
        if (row === undefined)
          throw new ShoalError("already_exists", "version: the template has it already", { field: "version" });
        const details = { template: template.slug, version: row.version, digest: row.digest };
        await unit.audit("version.create", { kind: "version", id: row.id }, details);
        const isActive = activate ?? isFirst;
        if (isActive) await makeActive(unit, template, row);
        return created(shown({ ...row, is_active: isActive }));
      });
    },
    "versions.list": async ({ caller, params, query }) => {
      const page = await database.asTenant(caller.organisation.id, async (tx) => {
        const template = found(await findTemplate(tx, params.id), "template");
        return listVersions(tx, template.id, pageRequest(query));
      });
      return ok(pageBody(page, shown));
    },
    "versions.get": async ({ caller, params }) => {
      const row = await database.asTenant(caller.organisation.id, async (tx) => {
        const template = found(await findTemplate(tx, params.id), "template");
        return findVersion(tx, template.id, params.version);
      });
      return ok(shown(found(row, "version")));
    },
    "versions.activate": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const template = found(await lockTemplate(unit.tx, call.params.id, "update"), "template");
        const row = found(await findVersion(unit.tx, template.id, call.params.version), "version");
        const changed = row.is_active ? 0 : await makeActive(unit, template, row);
        return ok({ version: shown({ ...row, is_active: true }), processors_changed: changed });
      }),
  };
}

/** Under the template's lock. Returns how many processors move to the version. */
async function makeActive(unit: Unit, template: TemplateRow, version: VersionRow): Promise<number> {
  const config = configOf(version);
  for (const overlay of await resourceOverlaysOf(unit.tx, template.id)) {
    const laid = runtimeConfigOverlaySchema.safeParse({ resources: overlay.resources });
    const problem = laid.success ? configProblem(effectiveConfig(config, laid.data)) : undefined;
    if (problem !== undefined)
      throw new ShoalError(
        "conflict",
        `processor ${overlay.name} contradicts it in ${problem.field}: ${problem.message}`,
      );
  }
  await setActive(unit.tx, template.id, version.id);
  const details = { template: template.slug, version: version.version, before: template.active_version };
  await unit.audit("version.activate", { kind: "version", id: version.id }, details);
  await unit.event(
    "template.activated",
    { kind: "template", id: template.id },
    { reason: "VersionActivated", message: `${template.slug} is at version ${version.version}` },
  );
  const changed = await changeProcessorsOf(unit.tx, template.id, {
    message: `the template moved to version ${version.version}`,
    traceId: unit.traceId,
  });
  if (changed > 0) unit.knocked();
  return changed;
}

/** As it is kept, with the defaults of today for what was not known when it was kept. */
export function configOf(row: Pick<VersionRow, "runtime_config_template">): RuntimeConfig {
  return runtimeConfigSchema.parse(row.runtime_config_template);
}

function shown(row: VersionRow): TemplateVersion {
  return {
    id: row.id,
    template_id: row.processor_template_id,
    version: row.version,
    image_uri: row.image_uri,
    digest: row.digest,
    is_active: row.is_active,
    runtime_config_template: configOf(row),
    created_at: row.created_at.toISOString(),
  };
}
