/** What makes a pod invalid (422), with the field and the words that kubectl shows. Not all of Kubernetes' rules: those that a
 * wrong template of ours could break. */
import { cpuMilli, memoryMiB } from "@shoal/shared/base/quantity.ts";
import { fieldsAt, listAt, textAt, valueAt, type ApiObject } from "../object.ts";
import type { StatusCause } from "../status.ts";
import { EFFECTS } from "./node.ts";
import { DNS_LABEL, DNS_LABEL_SAYS } from "./names.ts";
import { required, unsupported, wrong } from "./rules.ts";

const POLICIES = ["Always", "OnFailure", "Never"];
const PROTOCOLS = ["TCP", "UDP", "SCTP"];
const PULLS = ["Always", "IfNotPresent", "Never"];
const OPERATORS = ["Equal", "Exists"];
const ENVIRONMENT_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;

export function podFaults(pod: ApiObject): readonly StatusCause[] {
  const containers = listAt(pod, "spec", "containers");
  const policy = valueAt(pod, "spec", "restartPolicy");
  const grace = valueAt(pod, "spec", "terminationGracePeriodSeconds");
  return [
    ...(containers.length === 0 ? [required("spec.containers")] : []),
    ...containerListFaults("spec.containers", containers),
    ...containerListFaults("spec.initContainers", listAt(pod, "spec", "initContainers")),
    ...(isOneOf(POLICIES, policy) ? [] : [unsupported("spec.restartPolicy", policy, POLICIES)]),
    ...(typeof grace === "number" && grace < 0
      ? [wrong("spec.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0")]
      : []),
    ...listAt(pod, "spec", "tolerations").flatMap((one, i) => tolerationFaults(`spec.tolerations[${i}]`, one)),
  ];
}

function isOneOf(words: readonly string[], value: unknown): boolean {
  return typeof value === "string" && words.includes(value);
}

function containerListFaults(field: string, containers: readonly unknown[]): StatusCause[] {
  const seen = new Set<string>();
  return containers.flatMap((container, i) => {
    const at = `${field}[${i}]`;
    const name = textAt(container, "name") ?? "";
    const twice = seen.has(name)
      ? [{ reason: "FieldValueDuplicate", message: `Duplicate value: ${JSON.stringify(name)}`, field: `${at}.name` }]
      : [];
    seen.add(name);
    return [...twice, ...containerFaults(at, container)];
  });
}

function containerFaults(at: string, container: unknown): StatusCause[] {
  const name = textAt(container, "name") ?? "";
  const pull = valueAt(container, "imagePullPolicy");
  return [
    ...(name === ""
      ? [required(`${at}.name`)]
      : DNS_LABEL.test(name)
        ? []
        : [wrong(`${at}.name`, name, DNS_LABEL_SAYS)]),
    ...((textAt(container, "image") ?? "") === "" ? [required(`${at}.image`)] : []),
    ...(pull === undefined || isOneOf(PULLS, pull) ? [] : [unsupported(`${at}.imagePullPolicy`, pull, PULLS)]),
    ...listAt(container, "ports").flatMap((port, i) => portFaults(`${at}.ports[${i}]`, port)),
    ...listAt(container, "env").flatMap((one, i) => environmentFaults(`${at}.env[${i}]`, one)),
    ...resourceFaults(`${at}.resources`, valueAt(container, "resources")),
  ];
}

function portFaults(at: string, port: unknown): StatusCause[] {
  const number = valueAt(port, "containerPort");
  const protocol = valueAt(port, "protocol");
  return [
    ...(typeof number === "number" && number >= 1 && number <= 65_535
      ? []
      : [wrong(`${at}.containerPort`, number ?? 0, "must be between 1 and 65535, inclusive")]),
    ...(protocol === undefined || isOneOf(PROTOCOLS, protocol)
      ? []
      : [unsupported(`${at}.protocol`, protocol, PROTOCOLS)]),
  ];
}

function environmentFaults(at: string, variable: unknown): StatusCause[] {
  const name = textAt(variable, "name") ?? "";
  if (name === "") return [required(`${at}.name`)];
  if (!ENVIRONMENT_NAME.test(name)) {
    return [
      wrong(
        `${at}.name`,
        name,
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
      ),
    ];
  }
  const both =
    textAt(variable, "value") !== undefined &&
    textAt(variable, "value") !== "" &&
    valueAt(variable, "valueFrom") !== undefined;
  return both ? [wrong(`${at}.valueFrom`, "", "may not be specified when `value` is not empty")] : [];
}

/** Quantities of the two resources that decide where a pod runs; those of other names pass. */
function resourceFaults(at: string, resources: unknown): StatusCause[] {
  const amount = (name: string, value: unknown): number | undefined => {
    const text = String(value);
    return name === "cpu" ? cpuMilli(text) : memoryMiB(text);
  };
  return ["cpu", "memory"].flatMap((name) => {
    const request = fieldsAt(resources, "requests")[name];
    const limit = fieldsAt(resources, "limits")[name];
    const negative = [
      ["requests", request],
      ["limits", limit],
    ].flatMap(([list, value]) =>
      String(value).startsWith("-")
        ? [wrong(`${at}.${String(list)}[${name}]`, value, "must be greater than or equal to 0")]
        : [],
    );
    const asked = amount(name, request);
    const most = amount(name, limit);
    const above =
      asked !== undefined && most !== undefined && asked > most
        ? [wrong(`${at}.requests`, request, `must be less than or equal to ${name} limit of ${String(limit)}`)]
        : [];
    return [...negative, ...above];
  });
}

function tolerationFaults(at: string, toleration: unknown): StatusCause[] {
  const { key, operator = "Equal", value, effect, tolerationSeconds } = fieldsAt(toleration);
  return [
    ...(isOneOf(OPERATORS, operator) ? [] : [unsupported(`${at}.operator`, operator, OPERATORS)]),
    ...(operator === "Exists" && value !== undefined && value !== ""
      ? [wrong(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'")]
      : []),
    ...((key === undefined || key === "") && operator !== "Exists"
      ? [
          wrong(
            `${at}.operator`,
            operator,
            'operator must be Exists when `key` is empty, which means "match all values and all keys"',
          ),
        ]
      : []),
    ...(effect === undefined || effect === "" || isOneOf(EFFECTS, effect)
      ? []
      : [unsupported(`${at}.effect`, effect, EFFECTS)]),
    ...(tolerationSeconds !== undefined && effect !== "NoExecute" && effect !== undefined && effect !== ""
      ? [wrong(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")]
      : []),
  ];
}
