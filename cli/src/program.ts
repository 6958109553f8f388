/** The command tree. */
import { Command, Option } from "commander";
import { addAccounts } from "./node/accounts.ts";
import { addAliases } from "./node/aliases.ts";
import { addApps } from "./node/apps.ts";
import { addAuth } from "./node/auth.ts";
import { addBlobs } from "./node/blobs.ts";
import { addCall } from "./node/calls.ts";
import { addContexts } from "./node/contexts.ts";
import { addGroups } from "./node/groups.ts";
import { addNamespaces } from "./node/namespaces.ts";
import { addNetwork, addPeers } from "./node/network.ts";
import { addNodes } from "./node/nodes.ts";
import { addWatch } from "./node/watch.ts";
import { addAudit } from "./resources/audit.ts";
import { addBus } from "./resources/bus.ts";
import { addCompletion } from "./resources/completion.ts";
import { addEvents } from "./resources/events.ts";
import { addKeys } from "./resources/keys.ts";
import { addLogin } from "./resources/login.ts";
import { addOperations } from "./resources/operations.ts";
import { addProcessors } from "./resources/processors.ts";
import { addTemplates } from "./resources/templates.ts";
import type { Runtime } from "./session.ts";

export function createProgram(runtime: Runtime, version: string): Command {
  const program = new Command("shoal")
    .description("Asks Shoal's control plane for what you want, and shows what became of it.")
    .version(version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: runtime.streams.stdout, writeErr: runtime.streams.stderr })
    .addOption(
      new Option("-o, --output <format>", "for people or for programs").choices(["json", "table"]).default("table"),
    )
    .option("-q, --quiet", "only names, and no notes")
    .option("--url <url>", "the control plane (SHOAL_URL)")
    .option("--token <token>", "API key or session token (SHOAL_TOKEN)")
    .option("--profile <name>", "who to be, of those signed in (SHOAL_PROFILE)")
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 failed, 2 usage or input, 3 not found, 4 conflict, 5 not allowed, 6 plan limit,\n7 try again later, 130 interrupted",
    );
  addLogin(program, runtime);
  addTemplates(program, runtime);
  addProcessors(program, runtime);
  addOperations(program, runtime);
  addEvents(program, runtime);
  addAudit(program, runtime);
  addKeys(program, runtime);
  addBus(program, runtime);
  addNodes(program, runtime);
  addApps(program, runtime);
  addContexts(program, runtime);
  addCall(program, runtime);
  addBlobs(program, runtime);
  addAliases(program, runtime);
  addGroups(program, runtime);
  addNamespaces(program, runtime);
  addAccounts(program, runtime);
  addNetwork(program, runtime);
  addPeers(program, runtime);
  addAuth(program, runtime);
  addWatch(program, runtime);
  addCompletion(program, runtime);
  return program;
}
