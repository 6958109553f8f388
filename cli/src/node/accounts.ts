/** `shoal account`: the devices that act in the name of one account. */
import type { Command } from "commander";
import { z } from "zod";
import { details, table, type Column } from "../output.ts";
import { argument, text, type Runtime } from "../session.ts";
import { pasted, tell, type Pasted } from "./pasted.ts";
import { endpointCommand, nodeFlags } from "./session.ts";

interface DeviceRow {
  readonly member: string;
  readonly deviceId: string;
  readonly isSelf: boolean;
}

const COLUMNS: readonly Column<DeviceRow>[] = [
  { title: "member", cell: (device) => device.member },
  { title: "device", cell: (device) => device.deviceId },
  { title: "this node", cell: (device) => (device.isSelf ? "yes" : "no") },
];

/** What a new device says of itself, for the account's own node. */
const pairingSchema = z.object({
  deviceId: z.string(),
  kemPublicKey: z.string(),
  signPublicKey: z.string(),
  statement: z.string(),
});

const PAIRING: Pasted<z.output<typeof pairingSchema>> = {
  mark: "shoaldevice1.",
  field: "pairing",
  writer: "shoal account pair-init",
  read: (value) => pairingSchema.safeParse(value).data,
};

export function addAccounts(parent: Command, runtime: Runtime): void {
  const group = nodeFlags(parent.command("account"))
    .description("the devices that act in the name of one account")
    .addHelpText(
      "after",
      "\nExample: a phone's node comes to the account of a desk's node:\n  shoal account pair-init 5be1... --account 9f2c... --node phone > pairing.txt\n  shoal account pair-complete 5be1... @pairing.txt --code 7A30F2C1 --node desk",
    );
  addPairing(group, runtime);
  endpointCommand(group, runtime, "revoke <namespace> <device>", "accounts.revoke", async (session, args) => {
    const { node, output, signal } = session;
    const asked = { params: { namespace: argument(args, 0) }, body: { deviceId: argument(args, 1) }, signal };
    const { data } = await node.call("accounts.revoke", asked);
    output.result(data, data.deviceId, () => `${data.deviceId} acts for nobody any more`);
  });
  endpointCommand(group, runtime, "devices <group>", "members.devices", async ({ node, output, signal }, args) => {
    const { data } = await node.call("members.devices", { params: { group: argument(args, 0) }, signal });
    const rows = data.flatMap(({ devices, account }) => devices.map((device) => ({ ...device, member: account })));
    output.result(data, rows.map(({ deviceId }) => deviceId).join("\n"), (now) => table(rows, COLUMNS, now));
  });
}

function addPairing(group: Command, runtime: Runtime): void {
  endpointCommand(group, runtime, "pair-init <namespace>", "accounts.pairInit", async (session, args, options) => {
    const { node, output, signal } = session;
    const body = { accountRootPublicKey: text(options, "account") ?? "" };
    const { data } = await node.call("accounts.pairInit", { params: { namespace: argument(args, 0) }, body, signal });
    const { confirmationCode, ...pairing } = data;
    // The code takes another way: whoever completes reads it from this screen.
    if (output.format === "json") output.line(JSON.stringify(data, null, 2));
    else tell(output, PAIRING, [pairingSchema.parse(pairing)]);
    output.note(`the code to give with it: ${confirmationCode}`);
  }).requiredOption("--account <hex>", "key of the account, as `shoal node identity` says on its node");
  endpointCommand(
    group,
    runtime,
    "pair-complete <namespace>",
    "accounts.pairComplete",
    async (session, args, options) => {
      const { node, output, signal } = session;
      const body = { ...(await pasted(PAIRING, argument(args, 1))), confirmationCode: text(options, "code") ?? "" };
      const asked = { params: { namespace: argument(args, 0) }, body, signal };
      const { data } = await node.call("accounts.pairComplete", asked);
      output.result(data, data.deviceId, (now) => details(data, now));
    },
  )
    .argument("<pairing>", "the line that `pair-init` writes, its JSON, @file, or - for standard input")
    .requiredOption("--code <code>", "what the new device shows");
}
