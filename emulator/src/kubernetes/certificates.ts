/**
 * The server's certificate and the authority that signs it, made once and kept in the data folder, so that a kubeconfig stays
 * good across restarts. The library that makes them is loaded only then.
 */
import { webcrypto } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { days, hours, type Timestamp } from "@shoal/shared/base/time.ts";

/** PEM texts. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const VALID_FOR = days(3650);
const NAMES = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

export async function keptCertificates(dataDir: string, host: string, now: Timestamp): Promise<Certificates> {
  const path = join(dataDir, "certificates.json");
  const kept = await readFile(path, "utf8").catch(() => undefined);
  if (kept !== undefined) return JSON.parse(kept) as Certificates;
  const made = await makeCertificates(host, now);
  await mkdir(dataDir, { recursive: true });
  await writeFile(`${path}.new`, JSON.stringify(made), { mode: 0o600 });
  await rename(`${path}.new`, path);
  return made;
}

async function makeCertificates(host: string, now: Timestamp): Promise<Certificates> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const { subtle } = webcrypto;
  const period = { notBefore: new Date(now - hours(1)), notAfter: new Date(now + VALID_FOR) };
  const owner = await subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: "CN=shoal-emulator-ca",
    ...period,
    signingAlgorithm: ALGORITHM,
    keys: owner,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(owner.publicKey),
    ],
  });
  const server = await subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: "02",
    subject: "CN=kube-apiserver",
    issuer: authority.subject,
    ...period,
    signingAlgorithm: ALGORITHM,
    publicKey: server.publicKey,
    signingKey: owner.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...[...new Set([host, "127.0.0.1"])].map((value) => ({ type: "ip" as const, value })),
        ...NAMES.map((value) => ({ type: "dns" as const, value })),
      ]),
    ],
  });
  const key = Buffer.from(await subtle.exportKey("pkcs8", server.privateKey)).toString("base64");
  const lines = key.match(/.{1,64}/g)?.join("\n") ?? "";
  return {
    authority: authority.toString("pem"),
    certificate: certificate.toString("pem"),
    key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
  };
}
