/**
 * Which lists are maps: their items are merged by key, by strategic merge and by server-side apply. Every other list is
 * replaced whole. A list is known by its field's name, which is unambiguous among the kinds served here.
 */
export type ListKeys = Readonly<Record<string, { readonly strategic: string; readonly apply: readonly string[] }>>;

const by = (key: string, ...more: readonly string[]): ListKeys[string] => ({ strategic: key, apply: [key, ...more] });

export const BUILT_IN_LISTS: ListKeys = {
  addresses: by("type"),
  conditions: by("type"),
  containers: by("name"),
  env: by("name"),
  ephemeralContainers: by("name"),
  hostAliases: by("ip"),
  imagePullSecrets: by("name"),
  initContainers: by("name"),
  ownerReferences: by("uid"),
  podIPs: by("ip"),
  ports: by("containerPort", "protocol"),
  secrets: by("name"),
  topologySpreadConstraints: by("topologyKey", "whenUnsatisfiable"),
  volumeDevices: by("devicePath"),
  volumeMounts: by("mountPath"),
  volumes: by("name"),
};

/** Without a schema only conditions are known. */
export const CUSTOM_LISTS: ListKeys = { conditions: by("type") };

/** Lists of texts that are merged as sets. */
export const SETS: ReadonlySet<string> = new Set(["finalizers"]);

/** What an item leaves out of its key, as the API's defaults fill it in. */
export const KEY_DEFAULTS: Readonly<Record<string, unknown>> = { protocol: "TCP" };
