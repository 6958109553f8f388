/** `shoal templates`: what can be run. Its versions are in `versions.ts`. */
import type { Command } from "commander";
import { ENDPOINTS } from "@shoal/shared/wire/endpoints/index.ts";
import type { Template } from "@shoal/shared/wire/endpoints/templates.ts";
import { lists } from "../lists.ts";
import { age, details, type Column, type Output } from "../output.ts";
import { bodyOf, bodyOptions } from "../registry.ts";
import { act, argument, type Runtime } from "../session.ts";
import { addVersions } from "./versions.ts";

const COLUMNS: readonly Column<Template>[] = [
  { title: "slug", cell: (template) => template.slug },
  { title: "name", cell: (template) => template.name },
  { title: "active version", cell: (template) => template.active_version },
  { title: "age", cell: (template, now) => age(template.created_at, now) },
];

const show = (output: Output, template: Template): void =>
  output.result(template, template.slug, (now) => details(template, now));

export function addTemplates(parent: Command, runtime: Runtime): void {
  const group = parent.command("templates").description("what can be run: processor templates and their versions");
  lists(runtime, group.command("list"), "templates.list", { columns: COLUMNS, name: (template) => template.slug });
  group
    .command("get")
    .argument("<template>", "id or slug")
    .description(ENDPOINTS["templates.get"].summary)
    .action(
      act(runtime, async ({ client, output, signal }, args) => {
        show(output, await client.call("templates.get", { params: { id: argument(args, 0) }, signal }));
      }),
    );
  bodyOptions(group.command("create").argument("<slug>"), "templates.create", ["slug"])
    .description(ENDPOINTS["templates.create"].summary)
    .action(
      act(runtime, async ({ client, output, signal }, args, options) => {
        const body = bodyOf("templates.create", options, { slug: argument(args, 0) });
        show(output, await client.call("templates.create", { body, signal }));
      }),
    );
  bodyOptions(group.command("update").argument("<template>", "id or slug"), "templates.update", [])
    .description(ENDPOINTS["templates.update"].summary)
    .action(
      act(runtime, async ({ client, output, signal }, args, options) => {
        const body = bodyOf("templates.update", options, {});
        show(output, await client.call("templates.update", { params: { id: argument(args, 0) }, body, signal }));
      }),
    );
  group
    .command("delete")
    .argument("<template>", "id or slug")
    .description(ENDPOINTS["templates.delete"].summary)
    .action(
      act(runtime, async ({ client, output, signal }, args) => {
        const id = argument(args, 0);
        await client.call("templates.delete", { params: { id }, signal });
        output.result({ id, deleted: true }, id, () => `template ${id} is deleted`);
      }),
    );
  addVersions(group, runtime);
}
