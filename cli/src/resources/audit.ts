/** `shoal audit`: who asked for what, when. */
import type { Command } from "commander";
import { lists } from "../lists.ts";
import type { Runtime } from "../session.ts";

export function addAudit(parent: Command, runtime: Runtime): void {
  lists(runtime, parent.command("audit"), "audit.list", {
    name: (entry) => entry.id,
    columns: [
      { title: "at", cell: (entry) => entry.at },
      { title: "actor", cell: (entry) => `${entry.actor.kind} ${entry.actor.id}` },
      { title: "action", cell: (entry) => entry.action },
      { title: "resource", cell: (entry) => entry.resource_id },
      { title: "request id", cell: (entry) => entry.request_id },
    ],
  });
}
