/**
 * A container's environment, command and arguments, as Kubernetes works them out. Pure, except for the lookups handed in.
 */
import type { Container, EnvVar, PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { cpuMilli, memoryMiB } from "@shoal/shared/base/quantity.ts";

/** Why a container cannot be configured; becomes `CreateContainerConfigError`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export interface Lookups {
  /** `undefined`: no such object. Secrets come decoded. */
  configMap(name: string): Promise<Readonly<Record<string, string>> | undefined>;
  secret(name: string): Promise<Readonly<Record<string, string>> | undefined>;
}

export interface PodFacts {
  readonly pod: PodObject;
  readonly podIp: string;
  readonly hostIp: string;
}

/** Later names win; a value may refer to what was defined before it. Throws `ConfigError`. */
export async function environmentOf(
  container: Container,
  facts: PodFacts,
  lookups: Lookups,
): Promise<Readonly<Record<string, string>>> {
  const env: Record<string, string> = {};
  for (const source of container.envFrom ?? []) {
    const config = source.configMapRef;
    const secret = source.secretRef;
    const data = config === undefined ? undefined : await lookups.configMap(config.name);
    const hidden = secret === undefined ? undefined : await lookups.secret(secret.name);
    if (config !== undefined && data === undefined && config.optional !== true) {
      throw new ConfigError(`configmap "${config.name}" not found`);
    }
    if (secret !== undefined && hidden === undefined && secret.optional !== true) {
      throw new ConfigError(`secret "${secret.name}" not found`);
    }
    for (const [key, value] of Object.entries({ ...data, ...hidden })) env[(source.prefix ?? "") + key] = value;
  }
  for (const variable of container.env ?? []) {
    const value = await valueOf(variable, container, facts, lookups);
    if (value !== undefined) env[variable.name] = expand(value, env);
  }
  return env;
}

async function valueOf(
  variable: EnvVar,
  container: Container,
  facts: PodFacts,
  lookups: Lookups,
): Promise<string | undefined> {
  const from = variable.valueFrom;
  if (from === undefined) return variable.value ?? "";
  if (from.fieldRef !== undefined) return fieldOf(from.fieldRef.fieldPath, facts);
  if (from.resourceFieldRef !== undefined) return resourceOf(from.resourceFieldRef.resource, container);
  const isSecret = from.secretKeyRef !== undefined;
  const ref = from.secretKeyRef ?? from.configMapKeyRef;
  if (ref === undefined) return "";
  const data = isSecret ? await lookups.secret(ref.name) : await lookups.configMap(ref.name);
  const value = data?.[ref.key];
  if (value !== undefined || ref.optional === true) return value;
  const kind = isSecret ? "secret" : "configmap";
  if (data === undefined) throw new ConfigError(`${kind} "${ref.name}" not found`);
  const { namespace = "default" } = facts.pod.metadata;
  throw new ConfigError(
    `couldn't find key ${ref.key} in ${isSecret ? "Secret" : "ConfigMap"} ${namespace}/${ref.name}`,
  );
}

export function fieldOf(path: string, { pod, podIp, hostIp }: PodFacts): string {
  const subscript = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (subscript !== null) {
    const map = subscript[1] === "labels" ? pod.metadata.labels : pod.metadata.annotations;
    return map?.[subscript[2] ?? ""] ?? "";
  }
  const fields: Readonly<Record<string, string | undefined>> = {
    "metadata.name": pod.metadata.name,
    "metadata.namespace": pod.metadata.namespace,
    "metadata.uid": pod.metadata.uid,
    "spec.nodeName": pod.spec.nodeName,
    "spec.serviceAccountName": pod.spec.serviceAccountName ?? "default",
    "status.podIP": podIp,
    "status.podIPs": podIp,
    "status.hostIP": hostIp,
  };
  if (!(path in fields)) throw new ConfigError(`field label not supported: ${path}`);
  return fields[path] ?? "";
}

function resourceOf(resource: string, container: Container): string {
  const [kind = "", name = ""] = resource.split(".");
  const quantity = container.resources?.[kind === "limits" ? "limits" : "requests"]?.[name] ?? "0";
  return name === "cpu"
    ? String(Math.ceil((cpuMilli(quantity) ?? 0) / 1000))
    : String((memoryMiB(quantity) ?? 0) * 1024 ** 2);
}

/** `$(NAME)` becomes its value where it is known and stays as it is otherwise; `$$(NAME)` is a literal `$(NAME)`. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => {
    if (name === undefined) return "$";
    return Object.hasOwn(env, name) ? (env[name] ?? whole) : whole;
  });
}

/** A pod's command replaces the image's command and its arguments; its arguments replace only the image's arguments. */
export function commandOf(
  container: Container,
  image: { readonly command: readonly string[]; readonly args: readonly string[] },
  env: Readonly<Record<string, string>>,
): readonly string[] {
  const own = container.command?.map((part) => expand(part, env));
  const args = container.args?.map((part) => expand(part, env));
  return [...(own ?? image.command), ...(args ?? (own === undefined ? image.args : []))];
}
