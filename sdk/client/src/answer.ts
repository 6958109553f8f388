/** From a response to what the caller gets: a value, or an error with what the server said of it. */
import { ERROR_STATUS, ShoalError, type ErrorCode } from "@shoal/shared/base/errors.ts";
import { errorBodySchema } from "@shoal/shared/wire/error-body.ts";
import type { Endpoint } from "@shoal/shared/wire/endpoints/endpoint.ts";

interface ApiErrorInit {
  readonly code: ErrorCode;
  readonly message: string;
  readonly field: string | undefined;
  readonly status: number;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
}

/** A refusal that the server (or a proxy in front of it) told. */
export class ApiError extends ShoalError {
  readonly status: number;
  /** Quote it when you ask for help; absent where a proxy answered. */
  readonly requestId: string | undefined;

  constructor(init: ApiErrorInit) {
    super(init.code, init.message, {
      ...(init.field === undefined ? {} : { field: init.field }),
      ...(init.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: init.retryAfterSeconds }),
    });
    this.status = init.status;
    this.requestId = init.requestId;
  }
}

/** Statuses that only proxies answer with, and what they mean to a caller. */
const PROXY_STATUS: Readonly<Record<number, ErrorCode>> = {
  408: "deadline_exceeded",
  502: "unavailable",
  504: "unavailable",
};

export async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  const told = errorBodySchema.safeParse(jsonOf(text));
  const common = { status: response.status, retryAfterSeconds: retryAfterOf(response) };
  if (told.success) {
    const { code, message, field, requestId } = told.data.error;
    return new ApiError({ ...common, code, message, field, requestId });
  }
  return new ApiError({
    ...common,
    code: codeOf(response.status),
    message: `the answer was ${response.status} ${response.statusText}`.trimEnd() + " and not one of Shoal's",
    field: undefined,
    requestId: response.headers.get("x-request-id") ?? undefined,
  });
}

/** Throws `internal` where the answer is not what the endpoint declares. */
export async function valueOf(response: Response, endpoint: Endpoint, validate: boolean): Promise<unknown> {
  const kind = endpoint.responses[response.status];
  if (kind === "empty") return undefined;
  const text = await response.text();
  if (kind === "text") return text;
  const value = jsonOf(text);
  if (kind === undefined || value === undefined)
    throw new ShoalError("internal", `${endpoint.id}: ${response.status} with a body that is not an answer of Shoal's`);
  if (!validate) return value;
  const checked = kind.safeParse(value);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  const field = issue?.path.map(String).join(".") ?? "";
  throw new ShoalError(
    "internal",
    `${endpoint.id}: the answer is not as declared: ${field}: ${issue?.message ?? "?"}`,
    {
      field,
      cause: checked.error,
    },
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function codeOf(status: number): ErrorCode {
  const known = (Object.entries(ERROR_STATUS) as [ErrorCode, number][]).find(([, each]) => each === status)?.[0];
  return PROXY_STATUS[status] ?? known ?? (status < 500 ? "invalid_argument" : "internal");
}

/** Seconds; the date form of the header is not used by anything in front of Shoal and is left alone. */
function retryAfterOf(response: Response): number | undefined {
  const value = response.headers.get("retry-after");
  return value !== null && /^\d{1,6}$/.test(value) ? Number(value) : undefined;
}
