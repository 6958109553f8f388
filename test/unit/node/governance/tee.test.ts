/** Quotes: read whole or refused, compared, and never called verified because they were read. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { readQuote } from "@shoal/node/governance/tee/quote.ts";
import { describe, expect, test } from "vitest";
import { applicationId } from "./people.ts";
import { startApi, type TestApi } from "./server.ts";

const NONCE = "5a".repeat(32);
const HASH = "cd".repeat(32);

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A quote as the format has it, each field filled with its own byte; `report`: the 64 bytes at the body's end. */
function quote(version: 4 | 5, report: Uint8Array): Buffer {
  const widths = [16, 48, 48, 8, 8, 8, 48, 48, 48, 48, 48, 48, 48, 48];
  const td10 = Buffer.concat([...widths.map((width, at) => Buffer.alloc(width, at + 1)), report]);
  const body =
    version === 4 ? td10 : Buffer.concat([u16(3), u32(648), td10, Buffer.alloc(16, 0x31), Buffer.alloc(48, 0x32)]);
  const chain = Buffer.from("-----BEGIN CERTIFICATE-----");
  const qe = Buffer.concat([
    Buffer.alloc(384, 0x41),
    Buffer.alloc(64, 0x42),
    u16(32),
    Buffer.alloc(32, 0x43),
    u16(5),
    u32(chain.length),
    chain,
  ]);
  const signed = Buffer.concat([Buffer.alloc(64, 0x51), Buffer.alloc(64, 0x52), u16(6), u32(qe.length), qe]);
  const header = [u16(version), u16(2), u32(0x81), Buffer.alloc(4), Buffer.alloc(16, 0x61), Buffer.alloc(20, 0x62)];
  return Buffer.concat([...header, body, u32(signed.length), signed]);
}

const reportData = Buffer.from(NONCE + HASH, "hex");

describe("reading", () => {
  test("finds every field where the format has it", () => {
    const read = readQuote(quote(4, reportData));
    expect(read).toMatchObject({
      mock: false,
      header: { version: 4, attestationKeyType: 2, teeType: 0x81, qeVendorId: "61".repeat(16) },
      body: { tdxVersion: "1.0", teeTcbSvn: "01".repeat(16), mrtd: "07".repeat(48), rtmr3: "0e".repeat(48) },
      signature: "51".repeat(64),
      attestationKey: "52".repeat(64),
      certificationData: {
        type: "qeReportCertificationData",
        data: { qeReport: "41".repeat(384), certificationDataType: "pckCertChain" },
      },
    });
    expect(read.body.reportdata).toBe(NONCE + HASH);
    expect(readQuote(quote(5, reportData)).body).toMatchObject({
      tdxVersion: "1.5",
      teeTcbSvn2: "31".repeat(16),
      mrservicetd: "32".repeat(48),
    });
  });

  test("refuses every cut, and what is no TDX quote", () => {
    const whole = quote(5, reportData);
    const refused = (bytes: Uint8Array): unknown => {
      try {
        return readQuote(bytes);
      } catch (thrown) {
        return thrown instanceof ShoalError ? thrown.code : thrown;
      }
    };
    for (let length = 0; length < whole.length; length++) {
      expect(refused(whole.subarray(0, length))).toBe("invalid_argument");
    }
    for (const [at, value] of [
      [0, 3],
      [2, 3],
      [4, 0],
      [48, 1],
    ] as const) {
      const wrong = Buffer.from(whole);
      wrong[at] = value;
      expect(refused(wrong)).toBe("invalid_argument");
    }
    expect(refused(Buffer.concat([Buffer.from("MOCK_TDX_QUOTE_V1"), Buffer.alloc(63)]))).toBe("invalid_argument");
  });
});

describe("routes", () => {
  const verify = async (api: TestApi, bytes: Uint8Array, more: object = {}) =>
    api.call("POST", "/tee/verify-quote", { quoteB64: Buffer.from(bytes).toString("base64"), nonce: NONCE, ...more });

  test("compare nonce and code, and do not claim a chain was verified", async () => {
    const api = await startApi();
    const good = await verify(api, quote(4, reportData), { expectedApplicationHash: HASH });
    expect(good.body).toMatchObject({
      data: {
        quoteVerified: false,
        nonceVerified: true,
        applicationHashVerified: true,
        quote: { header: { version: 4 } },
      },
    });
    const other = await verify(api, quote(4, Buffer.alloc(64)), { expectedApplicationHash: HASH });
    expect(other.body).toMatchObject({ data: { nonceVerified: false, applicationHashVerified: false } });
    expect((await verify(api, Buffer.from("nonsense"))).status).toBe(400);
    expect((await api.call("POST", "/tee/verify-quote", { quoteB64: "%", nonce: NONCE })).status).toBe(400);
  });

  test("answer with this machine's quote, a mock where one is allowed, and else say why not", async () => {
    const bare = await startApi();
    expect((await bare.call("POST", "/tee/attest", { nonce: NONCE })).status).toBe(503);
    expect((await bare.call("GET", "/tee/info")).status).toBe(503);
    const mocked = await startApi({ mock: true });
    const asked = { nonce: NONCE, applicationId: applicationId(1) };
    const { body } = await mocked.call("POST", "/tee/attest", asked);
    const { data } = body as { data: { quoteB64: string } };
    const bytes = Buffer.from(data.quoteB64, "base64");
    expect(bytes.subarray(0, 17).toString()).toBe("MOCK_TDX_QUOTE_V1");
    expect((await verify(mocked, bytes, { expectedApplicationHash: HASH })).body).toMatchObject({
      data: { quoteVerified: true, nonceVerified: true, applicationHashVerified: true },
    });
    expect((await verify(bare, bytes)).body).toMatchObject({ data: { quoteVerified: false, nonceVerified: true } });
    const guest = await startApi({ hardware: async (report) => quote(5, report) });
    expect((await guest.call("POST", "/tee/attest", asked)).body).toMatchObject({
      data: { quote: { body: { tdxVersion: "1.5", reportdata: NONCE + HASH } } },
    });
    expect((await guest.call("GET", "/tee/info")).body).toMatchObject({ data: { mrtd: "07".repeat(48) } });
    expect((await guest.call("POST", "/tee/attest", { nonce: NONCE, applicationId: applicationId(9) })).status).toBe(
      404,
    );
  });
});
