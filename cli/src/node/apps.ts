/** `shoal app`: what a node has installed. */
import type { Command } from "commander";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { details, table, type Column } from "../output.ts";
import { argument, text, type Options, type Runtime } from "../session.ts";
import { fileContent, optional } from "./input.ts";
import { actOnNode, applicationOf, nodeFlags, type NodeSession } from "./session.ts";

interface AppRow {
  readonly id: string;
  readonly package: string;
  readonly version: string;
  readonly size: number;
  readonly source: string;
}

const COLUMNS: readonly Column<AppRow>[] = [
  { title: "id", cell: (app) => app.id },
  { title: "package", cell: (app) => app.package },
  { title: "version", cell: (app) => app.version },
  { title: "bytes", cell: (app) => app.size },
  { title: "source", cell: (app) => app.source },
];

export function addApps(parent: Command, runtime: Runtime): void {
  const group = nodeFlags(parent.command("app").description("applications of a node"));
  group
    .command("install")
    .argument(
      "<source>",
      "an address, a file (.wasm or .mpk) that is uploaded, or with --path a file of the node's own",
    )
    .option("--path", "the file is on the node's machine: nothing is uploaded")
    .option("--hash <sha256>", "refuse anything else (addresses only)")
    .option("--package <name>", "of a bare module")
    .option("--app-version <version>", "of a bare module")
    .description("Installs an application")
    .addHelpText("after", "\nExample: shoal app install build/com.example.kv-1.0.0.mpk")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const id = await install(session, argument(args, 0), options);
        session.output.result({ applicationId: id }, id, () => `installed ${id}`);
      }),
    );
  group
    .command("list")
    .description("Installed applications")
    .action(
      actOnNode(runtime, async ({ node, output, signal }) => {
        const { data } = await node.call("applications.list", { signal });
        const names = data.apps.map((app) => app.id).join("\n");
        output.result(data.apps, names, (now) => table(data.apps, COLUMNS, now));
      }),
    );
  group
    .command("get")
    .argument("<application>", "id or alias")
    .description("One application")
    .action(
      actOnNode(runtime, async (session, args) => {
        const id = await applicationOf(session, argument(args, 0));
        const { data } = await session.node.call("applications.get", { params: { id }, signal: session.signal });
        const { application } = data;
        if (application === null) throw new ShoalError("not_found", `no application ${id}`, { field: "application" });
        const { metadata: _, blob, services, ...shown } = application;
        const more = {
          blob: blob.bytecode,
          ...(services === undefined ? {} : { services: Object.keys(services).join(" ") }),
        };
        session.output.result(application, id, (now) => details({ ...shown, ...more }, now));
      }),
    );
  group
    .command("abi")
    .argument("<application>", "id or alias")
    .option("--service <name>", "of an application with more than one")
    .description("Methods, types and events, as JSON")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const id = await applicationOf(session, argument(args, 0));
        const service = text(options, "service");
        const query = service === undefined ? {} : { service_name: service };
        const { data } = await session.node.call("applications.abi", { params: { id }, query, signal: session.signal });
        session.output.result(data, id, () => JSON.stringify(data, null, 2));
      }),
    );
  group
    .command("uninstall")
    .argument("<application>", "id or alias")
    .description("Uninstalls an application that no context runs")
    .action(
      actOnNode(runtime, async (session, args) => {
        const id = await applicationOf(session, argument(args, 0));
        await session.node.call("applications.uninstall", { params: { id }, signal: session.signal });
        session.output.result({ applicationId: id }, id, () => `uninstalled ${id}`);
      }),
    );
  addPackages(group, runtime);
}

function addPackages(group: Command, runtime: Runtime): void {
  group
    .command("packages")
    .description("Names of installed packages")
    .action(
      actOnNode(runtime, async ({ node, output, signal }) => {
        const { packages } = await node.call("packages.list", { signal });
        output.result(packages, packages.join("\n"), () => packages.join("\n") || "none");
      }),
    );
  group
    .command("versions")
    .argument("<package>")
    .description("Installed versions of a package")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args) => {
        const params = { package: argument(args, 0) };
        const { versions } = await node.call("packages.versions", { params, signal });
        output.result(versions, versions.join("\n"), () => versions.join("\n") || "none");
      }),
    );
  group
    .command("latest")
    .argument("<package>")
    .description("The newest installed version of a package")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args) => {
        const latest = await node.call("packages.latest", { params: { package: argument(args, 0) }, signal });
        output.result(latest, latest.applicationId ?? "", (now) => details(latest, now));
      }),
    );
}

async function install({ node, signal }: NodeSession, source: string, options: Options): Promise<string> {
  const named = optional(options, { package: "package", version: "appVersion" });
  if (/^https?:\/\//.test(source)) {
    const body = { url: source, ...named, ...optional(options, { hash: "hash" }) };
    return (await node.call("applications.install", { body, signal })).data.applicationId;
  }
  if (text(options, "hash") !== undefined)
    throw new ShoalError("invalid_argument", "only what is fetched from an address is compared", { field: "hash" });
  if (options["path"] === true) {
    const body = { path: source, ...named };
    return (await node.call("applications.installDev", { body, signal })).data.applicationId;
  }
  const { blobId } = await node.upload(await fileContent(source, "source"), { signal });
  const body = { blobId, ...named };
  return (await node.call("applications.installBlob", { body, signal })).data.applicationId;
}
