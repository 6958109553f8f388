/** What every object's metadata must look like: names, labels, finalizers. */
import type { ApiObject } from "../object.ts";
import type { StatusCause } from "../status.ts";
import { required, wrong } from "./rules.ts";

export const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
export const DNS_LABEL_SAYS =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_SUBDOMAIN_SAYS =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LONGEST_NAME = 253;
const NAME_PART = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const MOST_ANNOTATION_BYTES = 256 * 1024;

export function metadataFaults(object: ApiObject): StatusCause[] {
  const { name, labels = {}, annotations = {}, finalizers = [] } = object.metadata;
  return [
    ...nameFaults(name, object.kind === "Namespace"),
    ...Object.entries(labels).flatMap(([key, value]) => [
      ...keyFaults("metadata.labels", key),
      ...(LABEL_VALUE.test(value)
        ? []
        : [
            wrong(
              "metadata.labels",
              value,
              "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
            ),
          ]),
    ]),
    ...Object.keys(annotations).flatMap((key) => keyFaults("metadata.annotations", key.toLowerCase())),
    ...annotationSizeFaults(annotations),
    ...finalizers.flatMap((one) =>
      isQualified(one) ? [] : [wrong("metadata.finalizers", one, "name part must be non-empty")],
    ),
  ];
}

function nameFaults(name: string, isLabel: boolean): StatusCause[] {
  if (name === "") return [required("metadata.name", "Required value: name or generateName is required")];
  if (isLabel) return DNS_LABEL.test(name) ? [] : [wrong("metadata.name", name, DNS_LABEL_SAYS)];
  if (name.length > LONGEST_NAME)
    return [wrong("metadata.name", name, `must be no more than ${LONGEST_NAME} characters`)];
  return DNS_SUBDOMAIN.test(name) ? [] : [wrong("metadata.name", name, DNS_SUBDOMAIN_SAYS)];
}

function isQualified(key: string): boolean {
  const parts = key.split("/");
  const [prefix, name] = parts.length === 1 ? [undefined, parts[0]] : parts;
  if (parts.length > 2 || name === undefined || !NAME_PART.test(name)) return false;
  return prefix === undefined || (prefix.length <= LONGEST_NAME && DNS_SUBDOMAIN.test(prefix));
}

function keyFaults(field: string, key: string): StatusCause[] {
  if (isQualified(key)) return [];
  return [
    wrong(
      field,
      key,
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc')",
    ),
  ];
}

function annotationSizeFaults(annotations: Readonly<Record<string, string>>): StatusCause[] {
  const size = Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  if (size <= MOST_ANNOTATION_BYTES) return [];
  return [
    {
      reason: "FieldValueTooLong",
      message: `Too long: must have at most ${MOST_ANNOTATION_BYTES} bytes`,
      field: "metadata.annotations",
    },
  ];
}
