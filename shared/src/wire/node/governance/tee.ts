/** Attestation: what machine this is, its quote, and a look at somebody else's. */
import { z } from "zod";
import { dataOf, defineNodeEndpoint } from "../endpoint.ts";
import { applicationIdSchema } from "../ids.ts";
import { NODE_CAPS, optionally } from "../values.ts";
import { hex32 } from "./values.ts";

const text = z.string();

/** An Intel TDX quote, field by field; bytes are lower-case hex. */
export const quoteSchema = z.object({
  header: z.object({
    version: z.int(),
    attestationKeyType: z.int(),
    teeType: z.int(),
    qeVendorId: text,
    userData: text,
  }),
  body: z.object({
    tdxVersion: text,
    teeTcbSvn: text,
    mrseam: text,
    mrsignerseam: text,
    seamattributes: text,
    tdattributes: text,
    xfam: text,
    mrtd: text,
    mrconfigid: text,
    mrowner: text,
    mrownerconfig: text,
    rtmr0: text,
    rtmr1: text,
    rtmr2: text,
    rtmr3: text,
    reportdata: text,
    teeTcbSvn2: text.optional(),
    mrservicetd: text.optional(),
  }),
  signature: text,
  attestationKey: text,
  certificationData: z.object({ type: text, data: z.unknown() }),
});

export const teeEndpoints = [
  defineNodeEndpoint({
    id: "tee.info",
    method: "GET",
    path: "/admin-api/tee/info",
    permission: "public",
    summary: "What confidential machine this node runs on",
    answer: dataOf(z.object({ cloudProvider: text, osImage: text, mrtd: text })),
    generation: "G2 G3",
  }),
  defineNodeEndpoint({
    id: "tee.attest",
    method: "POST",
    path: "/admin-api/tee/attest",
    permission: "public",
    summary: "A quote over the caller's nonce, and over an application's code where one is named",
    body: z.object({ nonce: hex32, applicationId: optionally(applicationIdSchema) }),
    answer: dataOf(z.object({ quoteB64: text, quote: quoteSchema })),
    generation: "G2 G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "tee.verifyQuote",
    method: "POST",
    path: "/admin-api/tee/verify-quote",
    permission: "public",
    summary:
      "Reads a quote and compares nonce and application hash; `quoteVerified` is false unless its chain was verified",
    body: z.object({
      quoteB64: z
        .base64()
        .min(1)
        .max(Math.ceil(NODE_CAPS.quoteBytes / 3) * 4),
      nonce: hex32,
      expectedApplicationHash: optionally(hex32),
    }),
    answer: dataOf(
      z.object({
        quoteVerified: z.boolean(),
        nonceVerified: z.boolean(),
        applicationHashVerified: z.boolean().optional(),
        quote: quoteSchema,
      }),
    ),
    generation: "G2",
  }),
] as const;
