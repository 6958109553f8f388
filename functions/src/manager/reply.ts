/** A handler's answers by name. The status is a literal type, by which the compiler checks it against the declaration. */

type Headers = Readonly<Record<string, string>>;
interface ReplyOf<Status extends number, Body> {
  readonly status: Status;
  readonly body: Body;
  readonly headers?: Headers;
}

function reply<Status extends number, Body>(status: Status, body: Body, headers?: Headers): ReplyOf<Status, Body> {
  return headers === undefined ? { status, body } : { status, body, headers };
}

export const ok = <Body>(body: Body, headers?: Headers): ReplyOf<200, Body> => reply(200, body, headers);
export const created = <Body>(body: Body): ReplyOf<201, Body> => reply(201, body);
export const accepted = <Body>(body: Body, headers?: Headers): ReplyOf<202, Body> => reply(202, body, headers);
export const done = (): { readonly status: 204 } => ({ status: 204 });
