/** Processor templates. A template that processors still use is not deleted; a deleted one stays for their history. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { makeId } from "@shoal/shared/base/ids.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Template } from "@shoal/shared/wire/endpoints/templates.ts";
import { usageOf } from "../store/accounts/plan-usage.ts";
import type { Database, Tx } from "../store/database.ts";
import { hasProcessors } from "../store/templates/change-processors.ts";
import {
  createTemplate,
  findTemplate,
  listTemplates,
  lockTemplate,
  updateTemplate,
  type TemplateRow,
} from "../store/templates/templates.ts";
import type { Handlers } from "./call.ts";
import { found, refuseOverLimit } from "./missing.ts";
import { pageBody, pageRequest } from "./paging.ts";
import { principalOf } from "./principal.ts";
import { created, done, ok } from "./reply.ts";
import type { Units } from "./unit.ts";

export interface TemplatesInit {
  readonly database: Pick<Database, "asTenant">;
  readonly units: Units;
  readonly clock: Clock;
  readonly random: Random;
}

type Ids = "templates.create" | "templates.list" | "templates.get" | "templates.update" | "templates.delete";

export function templateHandlers({ database, units, clock, random }: TemplatesInit): Pick<Handlers, Ids> {
  return {
    "templates.create": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const { organisation, plan } = call.caller;
        const { slug, description, name = slug } = call.body;
        const used = await usageOf(unit.tx, "templates", organisation.id, plan.max_templates);
        refuseOverLimit("processor templates", used, plan.max_templates, plan.name);
        const id = makeId<string>("template", random);
        const row = { id, organisation_id: organisation.id, slug, name, description };
        if (!(await createTemplate(unit.tx, row)))
          throw new ShoalError("already_exists", "slug: is taken by another template", { field: "slug" });
        await unit.audit("template.create", { kind: "template", id }, { slug });
        return created(shown(await reread(unit.tx, id)));
      }),
    "templates.list": async ({ caller, query }) => {
      const { id } = caller.organisation;
      const page = await database.asTenant(id, (tx) => listTemplates(tx, id, pageRequest(query)));
      return ok(pageBody(page, shown));
    },
    "templates.get": async ({ caller, params }) => {
      const row = await database.asTenant(caller.organisation.id, (tx) => findTemplate(tx, params.id));
      return ok(shown(found(row, "template")));
    },
    "templates.update": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const { id } = found(await lockTemplate(unit.tx, call.params.id, "update"), "template");
        const { name, description } = call.body;
        const change = {
          ...(name === undefined ? {} : { name }),
          ...(description === undefined ? {} : { description }),
        };
        await updateTemplate(unit.tx, id, change);
        await unit.audit("template.update", { kind: "template", id }, change);
        return ok(shown(await reread(unit.tx, id)));
      }),
    "templates.delete": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const { id, slug } = found(await lockTemplate(unit.tx, call.params.id, "update"), "template");
        if (await hasProcessors(unit.tx, id))
          throw new ShoalError("conflict", "processors still use the template: delete them first");
        await updateTemplate(unit.tx, id, { deleted_at: new Date(clock.now()) });
        await unit.audit("template.delete", { kind: "template", id }, { slug });
        return done();
      }),
  };
}

async function reread(tx: Tx, id: string): Promise<TemplateRow> {
  return found(await findTemplate(tx, id), "template");
}

function shown(row: TemplateRow): Template {
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    description: row.description,
    active_version: row.active_version,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
