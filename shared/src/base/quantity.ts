/** Kubernetes quantities, as far as hosts and pods use them: CPU in milli-cores, memory in MiB, both rounded up for requests. */

const MEMORY_UNIT: Record<string, number> = {
  "": 1,
  K: 1000,
  M: 1000 ** 2,
  G: 1000 ** 3,
  T: 1000 ** 4,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};

/** `500m` -> 500, `2` -> 2000, `1.5` -> 1500; `undefined` where the text is no CPU quantity. */
export function cpuMilli(text: string): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(m?)$/.exec(text);
  if (match === null) return undefined;
  return Math.ceil(Number(match[1]) * (match[2] === "m" ? 1 : 1000));
}

/** `512Mi` -> 512, `1Gi` -> 1024, `1000000` -> 1; `undefined` where the text is no memory quantity. */
export function memoryMiB(text: string): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?)(Ki|Mi|Gi|Ti|K|M|G|T)?$/.exec(text);
  const unit = MEMORY_UNIT[match?.[2] ?? ""];
  if (match === null || unit === undefined) return undefined;
  return Math.ceil((Number(match[1]) * unit) / 1024 ** 2);
}
