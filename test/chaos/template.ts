/** The template that chaos makes processors of: quick probes, so that what is dead is known soon. */
import type { Client } from "@shoal/client/index.ts";

export async function registerTemplate(client: Client, image: string): Promise<string> {
  const [uri = "", digest = ""] = image.split("@");
  const template = await client.call("templates.create", { body: { slug: "chaos", name: "chaos" } });
  // A template's first version becomes its active one.
  await client.call("versions.create", {
    params: { id: template.id },
    body: {
      version: "1",
      image_uri: uri,
      digest,
      runtime_config_template: {
        resources: { cpu_request: "20m", memory_request: "32Mi", cpu_limit: "500m", memory_limit: "128Mi" },
        health_probes: { initial_delay_sec: 10, period: 2, timeout: 2, failure_threshold: 3 },
      },
    },
  });
  return template.slug;
}
