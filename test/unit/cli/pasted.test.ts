/** Text that people carry from one node to another. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { invitationFrom, isInvitation, tellInvitations, type SignedInvitation } from "@shoal/cli/node/invitations.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const bytes = Array.from({ length: 32 }, (_, at) => at * 7);
const invitation: SignedInvitation = {
  invitation: {
    inviter_identity: bytes,
    group_id: bytes,
    expiration_timestamp: 1_900_000_000,
    secret_salt: bytes,
    invited_role: 1,
    issued_at_ms: 1,
    once: false,
    somebody_elses: "field",
  },
  inviter_signature: "ab".repeat(64),
  peers: ["/ip4/127.0.0.1/tcp/2428/p2p/12D3KooW"],
};

function written(format: "json" | "table", invitations: readonly SignedInvitation[]): string {
  const lines: string[] = [];
  const nothing = (): void => undefined;
  const line = (text: string): void => void lines.push(text);
  tellInvitations({ format, isQuiet: false, result: nothing, step: nothing, note: nothing, line }, invitations);
  return lines.join("\n");
}

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), "shoal-pasted-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("an invitation", () => {
  test("is one line for people, JSON for programs, and read as either, from a file as well", async () => {
    const line = written("table", [invitation]);
    expect(line).toMatch(/^shoal1\.[A-Za-z0-9_-]+$/);
    const json = written("json", [invitation]);
    const path = join(folder, "invitation.txt");
    await writeFile(path, `${line}\n`);
    for (const given of [line, `  ${line}\n`, json, JSON.stringify({ invitation }), `@${path}`]) {
      expect(await invitationFrom(given)).toEqual(invitation);
      expect(isInvitation(given.trim())).toBe(true);
    }
    expect(isInvitation("my-context")).toBe(false);
  });

  test("is a line each, or a list, where there are several", () => {
    expect(written("table", [invitation, invitation]).split("\n")).toHaveLength(2);
    expect(JSON.parse(written("json", [invitation, invitation]))).toEqual([invitation, invitation]);
  });

  test.each([
    ["nothing", ""],
    ["half of one", written("table", [invitation]).slice(0, 200)],
    ["another mark", written("table", [invitation]).replace("shoal1.", "shoal9.")],
    ["JSON of something else", '{"invitation": {}}'],
    ["a list", written("json", [invitation, invitation])],
    ["a file that is not there", "@/nowhere/invitation.txt"],
    ["far too much", `shoal1.${"A".repeat(100_000)}`],
  ])("is not %s", async (_, given) => {
    await expect(invitationFrom(given)).rejects.toMatchObject({ code: "invalid_argument", field: "invitation" });
  });
});
