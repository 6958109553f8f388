/** Handlers of `shared/src/wire/node/applications.ts`. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { applicationEndpoints, applicationSchema } from "@shoal/shared/wire/node/applications.ts";
import type { z } from "zod";
import type { InstallInput, NodeClient } from "../../clients/node-client.ts";
import type { Application, ApplicationModule } from "../../model/application.ts";
import type { ApplicationId } from "../../model/ids.ts";
import type { HandlersOf } from "../call.ts";

export function applicationHandlers({
  applications,
}: Pick<NodeClient, "applications">): HandlersOf<typeof applicationEndpoints> {
  const existing = async (id: ApplicationId): Promise<Application> => {
    const application = await applications.get(id);
    if (application === undefined)
      throw new ShoalError("not_found", "no such application is installed", { field: "id" });
    return application;
  };
  return {
    "applications.install": async ({ body }) => ({
      data: { applicationId: await applications.installFromUrl(body.url, body.hash, inputOf(body)) },
    }),
    "applications.installDev": async ({ body }) => ({
      data: { applicationId: await applications.installFromPath(body.path, inputOf(body)) },
    }),
    "applications.installBlob": async ({ body }) => ({
      data: { applicationId: await applications.installFromBlob(body.blobId, inputOf(body)) },
    }),
    "applications.list": async () => ({ data: { apps: (await applications.list()).map(viewOf) } }),
    "applications.get": async ({ params }) => {
      const application = await applications.get(params.id);
      return { data: { application: application === undefined ? null : viewOf(application) } };
    },
    "applications.uninstall": async ({ params }) => {
      if (!(await applications.uninstall(params.id)))
        throw new ShoalError("not_found", "no such application is installed", { field: "id" });
      return { data: { applicationId: params.id } };
    },
    "applications.abi": async ({ params, query }) => {
      const { abi } = moduleOf(await existing(params.id), query.service_name);
      if (abi === undefined) throw new ShoalError("not_found", "the module describes no interface");
      return { data: JSON.parse(abi) as Record<string, unknown> };
    },
    "applications.versions": async ({ params }) => {
      await existing(params.id);
      const versions = await applications.history(params.id);
      return {
        data: versions.map(({ version, blob, size, package: name }) => ({
          version,
          blobId: blob,
          size,
          package: name,
        })),
      };
    },
    "packages.list": async () => ({ packages: [...(await applications.packages())] }),
    "packages.versions": async ({ params }) => ({ versions: [...(await applications.versions(params.package))] }),
    "packages.latest": async ({ params }) => {
      const latest = await applications.latest(params.package);
      return { applicationId: latest?.applicationId ?? null, version: latest?.version ?? null };
    },
  };
}

function inputOf(body: {
  readonly metadata: Uint8Array;
  readonly package?: string | undefined;
  readonly version?: string | undefined;
}): InstallInput {
  return {
    metadata: body.metadata,
    ...(body.package === undefined ? {} : { package: body.package }),
    ...(body.version === undefined ? {} : { version: body.version }),
  };
}

function moduleOf({ modules }: Application, service: string | undefined): ApplicationModule {
  if (service === undefined && modules.length > 1) {
    const names = modules.map((each) => each.service).join(", ");
    throw new ShoalError("invalid_argument", `the application has several services: ${names}`, {
      field: "service_name",
    });
  }
  const module = service === undefined ? modules[0] : modules.find((each) => each.service === service);
  if (module === undefined)
    throw new ShoalError("not_found", "the application has no such service", { field: "service_name" });
  return module;
}

function viewOf(application: Application): z.input<typeof applicationSchema> {
  const [first, ...others] = application.modules;
  return {
    id: application.id,
    blob: { bytecode: application.blob, compiled: first?.prepared ?? application.blob },
    size: application.size,
    source: application.source,
    metadata: [...application.metadata],
    package: application.package,
    version: application.version,
    ...(application.signerId === undefined ? {} : { signer_id: application.signerId }),
    ...(others.length === 0
      ? {}
      : {
          services: Object.fromEntries(
            application.modules.map(({ service, bytecode, prepared }) => [service, { bytecode, compiled: prepared }]),
          ),
        }),
  };
}
