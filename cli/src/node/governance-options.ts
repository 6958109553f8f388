/** Options and words that the commands of groups and namespaces have in common. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { CAPABILITY } from "@shoal/node/governance/rules/capabilities.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { text, type Options } from "../session.ts";
import { duration, optional } from "./input.ts";

export const VISIBILITIES = ["open", "restricted"] as const;
export type Visibility = (typeof VISIBILITIES)[number];
const POLICIES = ["Automatic", "LazyOnAccess", "Coordinated"] as const;
type Policy = (typeof POLICIES)[number] | { readonly Coordinated: { readonly deadline: { readonly secs: number } } };

/** Whoever signs a change, where it is not the node's account: the node needs their key (`shoal group signing-key`). */
export function asMember(command: Command): Command {
  return command.option("--as <member>", "who does it; default: the node's account");
}

/** What `asMember` was given, as bodies carry it. */
export const requester = (options: Options): { readonly requester?: string } => optional(options, { requester: "as" });

export function visibility(options: Options, name: string): Visibility | undefined {
  return VISIBILITIES.find((each) => each === text(options, name));
}

/** When contexts move to a new application. */
export function policyOptions(command: Command): Command {
  return command
    .addOption(new Option("--upgrades <policy>", "when contexts move to a new application").choices(POLICIES))
    .option("--deadline <duration>", "of coordinated upgrades: 12h, 7d", duration);
}

/** What `policyOptions` was given; throws `invalid_argument` for a deadline without a policy that has one. */
export function policyOf(options: Options): Policy | undefined {
  const policy = POLICIES.find((each) => each === text(options, "upgrades"));
  const secs = options["deadline"];
  if (typeof secs !== "number") return policy;
  if (policy !== "Coordinated")
    throw new ShoalError("invalid_argument", "only --upgrades Coordinated has a deadline", { field: "deadline" });
  return { Coordinated: { deadline: { secs } } };
}

/** For commander: a mask out of names joined by commas, or of a number. */
export function capabilityMask(given: string): number {
  if (/^\d{1,10}$/.test(given)) return Number(given);
  const names = given.split(",").filter((name) => name !== "" && name !== "none");
  return names.reduce((mask, name) => {
    const [, bit] = Object.entries(CAPABILITY).find(([known]) => known === name) ?? [];
    if (bit === undefined) throw new InvalidArgumentError(`Expected a number, none, or names of: ${CAPABILITY_NAMES}.`);
    return mask | bit;
  }, 0);
}

export const CAPABILITY_NAMES = Object.keys(CAPABILITY).join(",");

export function capabilityNames(mask: number): readonly string[] {
  return Object.entries(CAPABILITY)
    .filter(([, bit]) => (mask & bit) !== 0)
    .map(([name]) => name);
}
