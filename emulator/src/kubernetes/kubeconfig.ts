/** The file that kubectl and every client read, as JSON, which is YAML to them and needs no parser of ours. */

interface KubeconfigInit {
  readonly server: string;
  /** PEM. */
  readonly authority: string;
  readonly token: string;
}

const NAME = "shoal";

export function kubeconfigText(init: KubeconfigInit): string {
  return `${JSON.stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      "current-context": NAME,
      clusters: [
        {
          name: NAME,
          cluster: {
            server: init.server,
            "certificate-authority-data": Buffer.from(init.authority).toString("base64"),
          },
        },
      ],
      users: [{ name: "admin", user: { token: init.token } }],
      contexts: [{ name: NAME, context: { cluster: NAME, user: "admin", namespace: "default" } }],
    },
    null,
    2,
  )}\n`;
}
