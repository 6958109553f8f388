/** `shoal templates versions`: which image a template runs, and how. */
import type { Command } from "commander";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { ENDPOINTS } from "@shoal/shared/wire/endpoints/index.ts";
import type { TemplateVersion } from "@shoal/shared/wire/endpoints/templates.ts";
import { configOf, configOptions } from "../config-input.ts";
import { lists } from "../lists.ts";
import { age, details, type Column } from "../output.ts";
import { bodyOf, bodyOptions } from "../registry.ts";
import { act, argument, text, type Runtime } from "../session.ts";

const COLUMNS: readonly Column<TemplateVersion>[] = [
  { title: "version", cell: (version) => version.version },
  { title: "active", cell: (version) => (version.is_active ? "yes" : "no") },
  { title: "image", cell: (version) => version.image_uri },
  { title: "digest", cell: (version) => version.digest.slice(0, "sha256:".length + 12) },
  { title: "age", cell: (version, now) => age(version.created_at, now) },
];

export function addVersions(parent: Command, runtime: Runtime): void {
  const group = parent.command("versions").description("versions of a template");
  lists(runtime, group.command("list").argument("<template>", "id or slug"), "versions.list", {
    columns: COLUMNS,
    name: (version) => version.version,
    params: (args) => ({ id: argument(args, 0) }),
  });
  addGet(group, runtime);
  addCreate(group, runtime);
  addActivate(group, runtime);
}

function addGet(group: Command, runtime: Runtime): void {
  group
    .command("get")
    .argument("<template>", "id or slug")
    .argument("<version>", "id or version name")
    .description(ENDPOINTS["versions.get"].summary)
    .action(
      act(runtime, async ({ client, output, signal }, args) => {
        const params = { id: argument(args, 0), version: argument(args, 1) };
        const version = await client.call("versions.get", { params, signal });
        output.result(version, version.version, (now) => details(version, now));
      }),
    );
}

function addCreate(group: Command, runtime: Runtime): void {
  const create = group
    .command("create")
    .argument("<template>", "id or slug")
    .argument("<version>", "such as 1.4.0")
    .description(ENDPOINTS["versions.create"].summary)
    .requiredOption("--image <name@sha256:digest>", "the image; only its digest decides what runs");
  bodyOptions(configOptions(create), "versions.create", [
    "version",
    "image_uri",
    "digest",
    "runtime_config_template",
  ]).action(
    act(runtime, async ({ client, output, signal }, args, options) => {
      const config = await configOf(options);
      const body = bodyOf("versions.create", options, {
        version: argument(args, 1),
        ...imageOf(text(options, "image") ?? ""),
        ...(config === undefined ? {} : { runtime_config_template: config }),
      });
      const version = await client.call("versions.create", { params: { id: argument(args, 0) }, body, signal });
      output.result(version, version.version, (now) => details(version, now));
    }),
  );
}

function addActivate(group: Command, runtime: Runtime): void {
  group
    .command("activate")
    .argument("<template>", "id or slug")
    .argument("<version>", "id or version name")
    .description(ENDPOINTS["versions.activate"].summary)
    .action(
      act(runtime, async ({ client, output, signal }, args) => {
        const params = { id: argument(args, 0), version: argument(args, 1) };
        const answer = await client.call("versions.activate", { params, signal });
        const { version, processors_changed: count } = answer;
        output.result(
          answer,
          version.version,
          () => `${version.version} is active; processors that move to it: ${count}`,
        );
      }),
    );
}

function imageOf(image: string): { readonly image_uri: string; readonly digest: string } {
  const [uri = "", digest, ...more] = image.split("@");
  if (uri === "" || digest === undefined || more.length > 0)
    throw new ShoalError("invalid_argument", "an image is named with its digest: registry.example.com/app@sha256:...", {
      field: "--image",
    });
  return { image_uri: uri, digest };
}
