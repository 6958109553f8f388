import { createSharedApplications, type SharedApplications } from "@shoal/node/applications/share.ts";
import type { Application } from "@shoal/node/model/application.ts";
import { type ApplicationId, bytesOf } from "@shoal/node/model/ids.ts";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Mesh, NAMESPACE, type Peer } from "../blobs/share/mesh.ts";
import { pieces } from "../blobs/open-blobs.ts";
import { temporaryDirectory } from "../storage/directory.ts";
import { bundleOf, manifestFor, moduleNamed, newSigner, openApplications, signed } from "./fixtures.ts";
import type { ApplicationStore } from "@shoal/node/applications/applications.ts";

const scope = { type: "namespace", namespaceId: NAMESPACE } as const;
const signer = newSigner();

interface Node extends Peer {
  readonly applications: ApplicationStore;
  readonly shared: SharedApplications;
}

let mesh: Mesh;
let wasm: Uint8Array;
beforeAll(async () => {
  wasm = await moduleNamed("get");
});
beforeEach(() => {
  mesh = new Mesh();
});

async function joined(): Promise<Node> {
  const open = await openApplications(temporaryDirectory());
  const peer = await mesh.join({ open, applications: open.applications });
  const { applications, blobs } = open;
  return { ...peer, applications, shared: createSharedApplications({ applications, blobs, peers: peer.finder }) };
}

const targetOf = ({ id, version, blob }: Application) => ({
  applicationId: id,
  version,
  appKey: Buffer.from(bytesOf(blob)).toString("hex"),
});

async function installed({ applications }: Node, id: ApplicationId): Promise<Application> {
  const application = await applications.get(id);
  if (application === undefined) throw new Error("not installed");
  mesh.roll.applications.push(id);
  return application;
}

async function bundle(version: string, by = signer, method = "get"): Promise<Buffer> {
  const module = method === "get" ? wasm : await moduleNamed(method);
  return bundleOf(signed(manifestFor(module, { appVersion: version }), by), { "app.wasm": module });
}

async function install({ applications, blobs }: Node, bytes: Uint8Array): Promise<ApplicationId> {
  const { blobId } = await blobs.add(pieces(bytes));
  return applications.installFromBlob(blobId, { metadata: new Uint8Array() });
}

describe("an application that a group runs", () => {
  test("a bundle comes from members, under its id, in the version that is named", async () => {
    const [holder, asker] = [await joined(), await joined()];
    const id = await install(holder, await bundle("1.0.0"));
    await install(holder, await bundle("2.0.0"));
    const [two, one] = await holder.applications.history(id);
    if (one === undefined || two === undefined) throw new Error("two versions were installed");
    mesh.roll.applications.push(id);
    const got = await asker.shared.ensureInstalled(targetOf(one), scope);
    expect(got).toMatchObject({ id, version: "1.0.0", blob: one.blob, signerId: signer.id, source: "peers" });
    expect(await asker.applications.history(id)).toHaveLength(1);
    expect(await asker.shared.ensureInstalled(targetOf(two), scope)).toMatchObject({ version: "2.0.0" });
    expect(got.metadata).toEqual(one.metadata);
  });

  test("a raw module comes with what its id is made of", async () => {
    const [holder, asker] = [await joined(), await joined()];
    const path = join(temporaryDirectory(), "app.wasm");
    writeFileSync(path, wasm);
    const metadata = new TextEncoder().encode("mine");
    const id = await holder.applications.installFromPath(path, { metadata, version: "0.3.0", package: "org.squat" });
    const target = targetOf(await installed(holder, id));
    const got = await asker.shared.ensureInstalled(target, scope);
    expect(got).toMatchObject({ id, version: "0.3.0", source: `file://${path}`, metadata });
    // Its package is nobody's proven word: nothing is squatted from afar.
    expect(await asker.applications.packages()).toEqual([]);
  });

  test("is installed once, however many ask, and is not asked for where it is here", async () => {
    const [holder, asker] = [await joined(), await joined()];
    const target = targetOf(await installed(holder, await install(holder, await bundle("1.0.0"))));
    await Promise.all(Array.from({ length: 8 }, () => asker.shared.ensureInstalled(target, scope)));
    expect(mesh.opened).toEqual([holder.id]);
    await asker.shared.ensureInstalled(target, scope);
    expect(mesh.opened).toEqual([holder.id]);
  });
});

describe("refused, with nothing installed:", () => {
  test("what nobody has, and later it is found", async () => {
    const [holder, asker] = [await joined(), await joined()];
    const bytes = await bundle("1.0.0");
    const target = targetOf(await installed(holder, await install(holder, bytes)));
    mesh.leave(holder.id);
    await expect(asker.shared.ensureInstalled(target, scope)).rejects.toMatchObject({ code: "unavailable" });
    const again = await joined();
    await install(again, bytes);
    expect(await asker.shared.ensureInstalled(target, scope)).toMatchObject({ version: "1.0.0" });
  });

  test("a bundle whose id, or version, is not the one that the group names", async () => {
    const [holder, asker] = [await joined(), await joined()];
    const mine = await installed(holder, await install(holder, await bundle("1.0.0")));
    const other = await installed(
      holder,
      await install(holder, await bundleOf(manifestFor(wasm, { package: "org.x" }), { "app.wasm": wasm })),
    );
    const mixed = { ...targetOf(other), applicationId: mine.id };
    await expect(asker.shared.ensureInstalled(mixed, scope)).rejects.toMatchObject({ code: "invalid_argument" });
    const newer = { ...targetOf(mine), version: "9.0.0" };
    await expect(asker.shared.ensureInstalled(newer, scope)).rejects.toMatchObject({ code: "invalid_argument" });
    expect(await asker.applications.list()).toEqual([]);
  });

  test("another build of a version that is here", async () => {
    const [holder, asker] = [await joined(), await joined()];
    const target = targetOf(await installed(holder, await install(holder, await bundle("1.0.0"))));
    const own = await install(asker, await bundle("1.0.0", signer, "other"));
    const before = await asker.applications.get(own);
    await expect(asker.shared.ensureInstalled(target, scope)).rejects.toMatchObject({ code: "conflict" });
    expect(await asker.applications.get(own)).toEqual(before);
  });

  test("a raw module whose record is a lie: its teller is found out, and the next is asked", async () => {
    const [first, second, asker] = [await joined(), await joined(), await joined()];
    const path = join(temporaryDirectory(), "app.wasm");
    writeFileSync(path, wasm);
    const id = await second.applications.installFromPath(path, { metadata: new Uint8Array() });
    const truth = await installed(second, id);
    await install(first, wasm);
    const lie = { ...truth, source: "https://evil.example/app.wasm" };
    first.applications.history = () => Promise.resolve([lie]);
    expect(await asker.shared.ensureInstalled(targetOf(truth), scope)).toMatchObject({ id, source: truth.source });
    expect(asker.reported).toEqual([{ peer: first.id, fault: "forged" }]);
  });
});
