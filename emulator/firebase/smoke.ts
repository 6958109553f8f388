/**
 * The road through firebase-tools' emulators: sign in, tick, template, processor, running, gone. Run by `run.ts` inside of
 * `emulators:exec`; its exit code is the verdict.
 */
import assert from "node:assert/strict";
import { createClient } from "@shoal/client/index.ts";

const { env } = process;
const required = (name: string): string => env[name] ?? assert.fail(`${name} is not set`);
const functions = required("SMOKE_FUNCTIONS");
const project = required("SMOKE_PROJECT");
const location = required("SMOKE_LOCATION");
const baseUrl = `${functions}/${project}/${location}/api`;
const say = (text: string): void => console.log(`smoke: ${text}`);

/** The auth emulator's tokens carry no signature: whoever takes them takes anybody's. */
async function refusesUnsignedTokens(): Promise<void> {
  const answer = await fetch(`${required("SMOKE_AUTH")}/identitytoolkit.googleapis.com/v1/accounts:signUp?key=any`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email: "mallory@example.com", password: "mallory", returnSecureToken: true }),
  });
  const { idToken } = (await answer.json()) as { idToken: string };
  const session = await fetch(`${baseUrl}/api/v1/sessions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ id_token: idToken }),
  });
  assert.equal(session.status, 401);
  await session.text();
  say("a token of the auth emulator, which is unsigned, opens nothing");
}

/** Nothing fires schedules there: the trigger is called as its Pub/Sub side would. */
async function tick(): Promise<void> {
  const answer = await fetch(`${functions}/functions/projects/${project}/triggers/${location}-tick-0`, {
    method: "POST",
    headers: {
      "X-CloudScheduler-JobName": `projects/${project}/locations/${location}/jobs/tick`,
      "X-CloudScheduler-ScheduleTime": new Date().toISOString(),
    },
  });
  assert.ok(answer.ok, `tick answered ${answer.status}: ${await answer.text()}`);
  say("ticked");
}

await refusesUnsignedTokens();
await tick();
const guest = createClient({ baseUrl });
const session = await guest.call("sessions.create", { body: { id_token: required("SMOKE_ID_TOKEN") } });
const client = createClient({ baseUrl, token: session.token });
say(`signed in to ${session.organisation.slug}`);
const [image_uri = "", digest = ""] = required("SMOKE_IMAGE").split("@");
const template = await client.call("templates.create", { body: { slug: "words" } });
await client.call("versions.create", {
  params: { id: template.id },
  body: {
    version: "1",
    image_uri,
    digest,
    runtime_config_template: {
      resources: { cpu_request: "50m", memory_request: "64Mi" },
      health_probes: { initial_delay_sec: 10, period: 2 },
    },
  },
});
const created = await client.call("processors.create", { body: { name: "words", template: "words" } });
const ran = await client.waitForOperation(created.operation.id);
assert.equal(ran.state, "succeeded", JSON.stringify(ran.error));
say("the processor runs");
const deleted = await client.call("processors.delete", { params: { id: "words" } });
const gone = await client.waitForOperation(deleted.operation.id);
assert.equal(gone.state, "succeeded", JSON.stringify(gone.error));
say("the processor is gone");
const fault = await fetch(`${baseUrl}/api/v1/processors`, {
  method: "POST",
  headers: { "Content-Type": "application/json", Authorization: `Bearer ${session.token}` },
  body: '{"name":',
});
assert.equal(fault.status, 400);
assert.equal(((await fault.json()) as { error: { code: string } }).error.code, "malformed_json");
say("bad input is told what is wrong with it");
