/** `shoal bus tail`: what processors publish, as it passes. */
import type { Command } from "commander";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { clean } from "../output.ts";
import { flagsOf, outputOf, text, type Options, type Runtime } from "../session.ts";
import { findConnection } from "../settings/connection.ts";

export function addBus(parent: Command, runtime: Runtime): void {
  parent
    .command("bus")
    .description("the message bus that processors publish to")
    .command("tail")
    .argument("[patterns...]", "routing keys <processor>.<event type>.<geohash...>; * is one word, # any number", ["#"])
    .description("Shows messages as they pass, until Ctrl-C; takes none away from anybody")
    .option("--amqp-url <url>", "the broker; default: SHOAL_AMQP_URL, or what runs here")
    .action(async (patterns: string[], _: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const output = outputOf(runtime, options);
      // Whoever names the broker needs no control plane.
      const given = text(options, "amqpUrl") ?? runtime.env["SHOAL_AMQP_URL"];
      const url = given ?? (await findConnection(flagsOf(options), runtime)).amqpUrl;
      if (url === undefined || !/^amqps?:\/\//.test(url))
        throw new ShoalError(
          "invalid_argument",
          "no broker is known for this address: give --amqp-url amqp://... or SHOAL_AMQP_URL",
          {
            field: "--amqp-url",
          },
        );
      // Loaded here: every other command starts without the broker's library.
      const { tail } = await import("@shoal/bus/tail.ts");
      for await (const message of tail(url, patterns, runtime.signal))
        output.step(message, () => clean(`${message.routing_key}  ${JSON.stringify(message.message)}`));
    });
}
