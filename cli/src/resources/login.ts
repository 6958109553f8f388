/** `shoal login`, `logout`, `whoami`: who one is, kept as a profile. */
import type { Command } from "commander";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Whoami } from "@shoal/shared/wire/endpoints/sessions.ts";
import { signInByDevice } from "../device-code.ts";
import { details, type Output } from "../output.ts";
import { act, clientOf, text, type Options, type Runtime, type Session } from "../session.ts";
import { DEFAULT_PROFILE, profilesPath, readProfiles, saveProfile } from "../settings/profiles.ts";

export function addLogin(parent: Command, runtime: Runtime): void {
  parent
    .command("login")
    .description("Signs in and keeps it as a profile: with --token, or by a code that is confirmed in a browser")
    .option("--issuer <url>", "the identity provider; default: SHOAL_ISSUER, or what runs here")
    .option("--client-id <id>", "how the provider knows this program", "shoal")
    .option("--organisation <slug>", "for members of several")
    .action(act(runtime, (session, _, options) => login(session, options)));
  parent
    .command("logout")
    .description("Ends the profile's session and forgets it")
    .action(act(runtime, (session, _, options) => logout(session, options)));
  parent
    .command("whoami")
    .description("Who the credential is, what it may do, and where it comes from")
    .action(
      act(runtime, async ({ client, connection, output, signal }) => {
        show(output, await client.call("sessions.current", { signal }), connection.url, connection.source);
      }),
    );
}

function show(output: Output, who: Whoami, url: string, source: string): void {
  const { organisation, actor, scopes, expires_at, plan } = who;
  output.result({ ...who, url, source }, actor.id, (now) =>
    details(
      {
        url,
        "known from": source,
        organisation: `${organisation.name} (${organisation.slug})`,
        [actor.kind]: [actor.name, actor.email, actor.id].filter((part) => part !== undefined).join(", "),
        scopes: scopes.join(" "),
        valid_until: expires_at,
        plan: `${plan.name}: ${plan.max_processors} processors, ${plan.max_templates} templates, ${plan.max_api_keys} keys, ${plan.requests_per_minute} requests a minute`,
      },
      now,
    ),
  );
}

function profileName(session: Session, options: Options): string {
  return text(options, "profile") ?? session.runtime.env["SHOAL_PROFILE"] ?? DEFAULT_PROFILE;
}

async function login(session: Session, options: Options): Promise<void> {
  const { connection, runtime, output, signal } = session;
  const given = text(options, "token") ?? runtime.env["SHOAL_TOKEN"];
  const token = given ?? (await signIn(session, options));
  const { url } = connection;
  const who = await clientOf({ url, token }).call("sessions.current", { signal });
  const name = profileName(session, options);
  await saveProfile(profilesPath(runtime.env), name, { url, token });
  show(output, who, url, `profile ${name}`);
  if (connection.isLocal && text(options, "profile") === undefined)
    output.note(`here ${connection.source} comes first: use it with --profile ${name}`);
}

async function signIn(session: Session, options: Options): Promise<string> {
  const { connection, client, runtime, signal } = session;
  const issuer = text(options, "issuer") ?? connection.issuer;
  if (issuer === undefined)
    throw new ShoalError(
      "invalid_argument",
      "no identity provider is known for this address: give --issuer, or --token",
      {
        field: "--issuer",
      },
    );
  const idToken = await signInByDevice({
    issuer,
    clientId: text(options, "clientId") ?? "",
    signal,
    show: (address, code) => runtime.streams.stderr(`open ${address}\nand confirm the code ${code}\n`),
  });
  const organisation = text(options, "organisation");
  const body = { id_token: idToken, ...(organisation === undefined ? {} : { organisation }) };
  return (await client.call("sessions.create", { body, signal })).token;
}

/** A session is ended at the server as well; an API key is only forgotten here, and others may still use it. */
async function logout(session: Session, options: Options): Promise<void> {
  const { runtime, output, signal } = session;
  const [path, name] = [profilesPath(runtime.env), profileName(session, options)];
  const profiles = await readProfiles(path);
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (profile === undefined)
    throw new ShoalError("invalid_argument", `nobody is signed in as profile ${name}`, { field: "profile" });
  const ended = await clientOf(profile)
    .call("sessions.end", { signal })
    .then(
      () => "its session is ended",
      (thrown: unknown) => {
        if (thrown instanceof ShoalError && thrown.code === "permission_denied")
          return "its API key stays valid: see `shoal keys revoke`";
        if (thrown instanceof ShoalError && thrown.code === "unauthenticated") return "its session had ended";
        throw thrown;
      },
    );
  await saveProfile(path, name, undefined);
  output.result({ profile: name, forgotten: true, note: ended }, name, () => `profile ${name} is forgotten; ${ended}`);
}
