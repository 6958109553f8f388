/**
 * Intel TDX quotes, versions 4 and 5, read field by field (Intel TDX DCAP quote library, "TD quote format"), and mock quotes:
 * `MOCK_TDX_QUOTE_V1` followed by the 64 bytes of report data. Reading proves nothing: signatures and chains are not checked.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { MOCK_QUOTE_PREFIX } from "../../kms/quote.ts";

export interface QuoteBody {
  readonly tdxVersion: string;
  readonly teeTcbSvn: string;
  readonly mrseam: string;
  readonly mrsignerseam: string;
  readonly seamattributes: string;
  readonly tdattributes: string;
  readonly xfam: string;
  readonly mrtd: string;
  readonly mrconfigid: string;
  readonly mrowner: string;
  readonly mrownerconfig: string;
  readonly rtmr0: string;
  readonly rtmr1: string;
  readonly rtmr2: string;
  readonly rtmr3: string;
  readonly reportdata: string;
  readonly teeTcbSvn2?: string;
  readonly mrservicetd?: string;
}

/** All bytes as lower-case hex. */
export interface Quote {
  readonly mock: boolean;
  readonly header: {
    readonly version: number;
    readonly attestationKeyType: number;
    readonly teeType: number;
    readonly qeVendorId: string;
    readonly userData: string;
  };
  readonly body: QuoteBody;
  readonly signature: string;
  readonly attestationKey: string;
  readonly certificationData: { readonly type: string; readonly data: unknown };
}

export const REPORT_DATA_BYTES = 64;
const TDX = 0x81;
const ECDSA_P256 = 2;

/** Reads forward; whatever would read past the end is a quote that was cut off. */
class Cursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw malformed("it ends too early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  hex(length: number): string {
    return Buffer.from(this.take(length)).toString("hex");
  }

  u16(): number {
    this.take(2);
    return this.#view.getUint16(this.#at - 2, true);
  }

  u32(): number {
    this.take(4);
    return this.#view.getUint32(this.#at - 4, true);
  }
}

function malformed(why: string): ShoalError {
  return new ShoalError("invalid_argument", `this is no TDX quote: ${why}`, { field: "quoteB64" });
}

/** Throws `invalid_argument` for anything that is not one whole quote, whatever it claims its lengths are. */
export function readQuote(bytes: Uint8Array): Quote {
  const prefix = Buffer.from(bytes.subarray(0, MOCK_QUOTE_PREFIX.length)).toString("latin1");
  if (prefix === MOCK_QUOTE_PREFIX) return readMock(bytes.subarray(MOCK_QUOTE_PREFIX.length));
  const cursor = new Cursor(bytes);
  const version = cursor.u16();
  if (version !== 4 && version !== 5) throw malformed(`version ${version} is not 4 or 5`);
  const attestationKeyType = cursor.u16();
  if (attestationKeyType !== ECDSA_P256)
    throw malformed(`attestation key type ${attestationKeyType} is not ECDSA P-256`);
  const teeType = cursor.u32();
  if (teeType !== TDX) throw malformed(`TEE type ${teeType} is not TDX`);
  cursor.take(4);
  const header = { version, attestationKeyType, teeType, qeVendorId: cursor.hex(16), userData: cursor.hex(20) };
  const kind = version === 4 ? "1.0" : bodyKind(cursor);
  const body = readBody(cursor, kind);
  const signed = new Cursor(cursor.take(cursor.u32()));
  const [signature, attestationKey] = [signed.hex(64), signed.hex(64)];
  return { mock: false, header, body, signature, attestationKey, certificationData: readCertification(signed) };
}

function bodyKind(cursor: Cursor): "1.0" | "1.5" {
  const type = cursor.u16();
  cursor.u32();
  if (type === 2) return "1.0";
  if (type === 3) return "1.5";
  throw malformed(`body type ${type} is not a TD report`);
}

function readBody(cursor: Cursor, tdxVersion: "1.0" | "1.5"): QuoteBody {
  const body = {
    tdxVersion,
    teeTcbSvn: cursor.hex(16),
    mrseam: cursor.hex(48),
    mrsignerseam: cursor.hex(48),
    seamattributes: cursor.hex(8),
    tdattributes: cursor.hex(8),
    xfam: cursor.hex(8),
    mrtd: cursor.hex(48),
    mrconfigid: cursor.hex(48),
    mrowner: cursor.hex(48),
    mrownerconfig: cursor.hex(48),
    rtmr0: cursor.hex(48),
    rtmr1: cursor.hex(48),
    rtmr2: cursor.hex(48),
    rtmr3: cursor.hex(48),
    reportdata: cursor.hex(REPORT_DATA_BYTES),
  };
  return tdxVersion === "1.0" ? body : { ...body, teeTcbSvn2: cursor.hex(16), mrservicetd: cursor.hex(48) };
}

/** By the type number of the format; index 0 is not used. */
const CERTIFICATION = [
  undefined,
  "pckIdPpidPlainCpusvnPcesvn",
  "pckIdPpidRSA2048CpusvnPcesvn",
  "pckIdPpidRSA3072CpusvnPcesvn",
  "pckLeafCert",
  "pckCertChain",
  "qeReportCertificationData",
  "platformManifest",
] as const;
const QE_REPORT = 6;

function readCertification(cursor: Cursor): Quote["certificationData"] {
  const type = cursor.u16();
  const name = CERTIFICATION[type];
  if (name === undefined) throw malformed(`certification data of type ${type} is unknown`);
  const data = cursor.take(cursor.u32());
  if (type !== QE_REPORT) return { type: name, data: Buffer.from(data).toString("hex") };
  const inside = new Cursor(data);
  const [qeReport, signature] = [inside.hex(384), inside.hex(64)];
  const qeAuthenticationData = inside.hex(inside.u16());
  const innerType = CERTIFICATION[inside.u16()];
  if (innerType === undefined) throw malformed("the inner certification data is of an unknown type");
  const certificationData = inside.hex(inside.u32());
  const fields = { qeReport, signature, qeAuthenticationData, certificationDataType: innerType, certificationData };
  return { type: name, data: fields };
}

const zeros = (bytes: number): string => "00".repeat(bytes);

function readMock(rest: Uint8Array): Quote {
  if (rest.length !== REPORT_DATA_BYTES) throw malformed(`a mock carries ${REPORT_DATA_BYTES} bytes of report data`);
  const cursor = new Cursor(Buffer.concat([Buffer.alloc(520), rest]));
  return {
    mock: true,
    header: { version: 4, attestationKeyType: ECDSA_P256, teeType: TDX, qeVendorId: zeros(16), userData: zeros(20) },
    body: readBody(cursor, "1.0"),
    signature: zeros(64),
    attestationKey: zeros(64),
    certificationData: { type: "pckCertChain", data: "" },
  };
}
