/** Handlers of `shared/src/wire/node/governance/tee.ts`. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { quoteSchema, teeEndpoints } from "@shoal/shared/wire/node/governance/tee.ts";
import { NODE_CAPS } from "@shoal/shared/wire/node/values.ts";
import type { z } from "zod";
import { readQuote, type Quote } from "../../../governance/tee/quote.ts";
import type { ApplicationId } from "../../../model/ids.ts";
import type { HandlersOf } from "../../call.ts";
import type { GovernanceParts } from "./parts.ts";

const ZERO_HASH = "00".repeat(32);

export function teeHandlers({
  attester,
  applications,
}: Pick<GovernanceParts, "attester" | "applications">): HandlersOf<typeof teeEndpoints> {
  const codeHash = async (id: ApplicationId): Promise<string> => {
    const application = await applications.get(id);
    const [module] = application?.modules ?? [];
    if (module === undefined) {
      throw new ShoalError("not_found", "no such application is installed", { field: "applicationId" });
    }
    return module.hash;
  };
  return {
    "tee.info": async () => ({ data: await attester.info() }),
    "tee.attest": async ({ body }) => {
      const hash = body.applicationId === undefined ? ZERO_HASH : await codeHash(body.applicationId);
      const quote = await attester.quote(Buffer.from(body.nonce + hash, "hex"));
      return { data: { quoteB64: Buffer.from(quote).toString("base64"), quote: quoteView(readQuote(quote)) } };
    },
    "tee.verifyQuote": async ({ body }) => {
      const bytes = Buffer.from(body.quoteB64, "base64");
      if (bytes.length > NODE_CAPS.quoteBytes) {
        throw new ShoalError("payload_too_large", `a quote has at most ${NODE_CAPS.quoteBytes} bytes`, {
          field: "quoteB64",
        });
      }
      const quote = readQuote(bytes);
      const { expectedApplicationHash: expected } = body;
      const report = quote.body.reportdata;
      return {
        data: {
          quoteVerified: attester.isVerified(quote),
          nonceVerified: report.slice(0, 64) === body.nonce,
          ...(expected === undefined ? {} : { applicationHashVerified: report.slice(64) === expected }),
          quote: quoteView(quote),
        },
      };
    },
  };
}

function quoteView({ header, body, signature, attestationKey, certificationData }: Quote): z.input<typeof quoteSchema> {
  return { header, body, signature, attestationKey, certificationData };
}
