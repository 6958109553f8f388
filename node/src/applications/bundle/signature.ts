/** Who signed a manifest. Both forms of the digest are accepted: plain, and with the domain that later generations put before. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { type BundleManifest, manifestDigest, manifestPayload } from "@shoal/shared/wire/bundle.ts";
import { signerIdOf } from "@shoal/shared/wire/signer-id.ts";
import { verify } from "../../model/keys.ts";
import { BundleError } from "./error.ts";

/**
 * The signer's `did:key:…`, verified; undefined where nobody signed. `raw` is the manifest as it was read, since members
 * that the schema does not know are signed too.
 */
export function signerOf(
  raw: Readonly<Record<string, unknown>>,
  { signature, signerId }: BundleManifest,
): string | undefined {
  if (!signature) {
    if (!signerId) return undefined;
    throw new BundleError("SignatureMissing", "the manifest names a signer and has no signature", {
      field: "manifest.signature",
    });
  }
  const publicKey = Buffer.from(signature.publicKey, "base64url");
  const signed = Buffer.from(signature.signature, "base64url");
  const payload = payloadOf(raw);
  const valid = (["plain", "domain"] as const).some((form) => verify(signed, manifestDigest(payload, form), publicKey));
  if (!valid) {
    throw new BundleError("SignatureInvalid", "the signature is not one of this manifest by its key", {
      field: "manifest.signature",
    });
  }
  const signer = signerIdOf(publicKey);
  if (signerId && signerId !== signer) {
    throw new BundleError("SignerMismatch", `the manifest names ${signerId}, and ${signer} signed it`, {
      field: "manifest.signerId",
    });
  }
  return signer;
}

function payloadOf(raw: Readonly<Record<string, unknown>>): Uint8Array {
  try {
    return manifestPayload(raw);
  } catch (cause) {
    if (!(cause instanceof ShoalError)) throw cause;
    throw new BundleError("ManifestInvalid", cause.message, { field: "manifest", cause });
  }
}
