/**
 * Hosts as columns of numbers, in the order of their names, so that a host's number also breaks ties. `free*` is what may
 * still be given away: allocatable less the buffer less what is used; it is negative on an overcommitted host. An index
 * that comes from this table is always in range, hence the `!` on columns.
 */
import { ShoalError } from "../../base/errors.ts";
import { byText, checkQuantities, dominantShare, share, usableOf, type Requests } from "./quantities.ts";
import { fullLabels, takesNobody, type Candidate } from "./static-rules.ts";
import type { PlacementHost, Resources } from "./types.ts";

export interface HostTable {
  readonly size: number;
  readonly names: readonly string[];
  readonly candidates: readonly Candidate[];
  readonly numberOf: ReadonlyMap<string, number>;
  readonly zones: readonly string[];
  /** Number of the host's zone in `zones`; -1 in none. */
  readonly zoneOf: Int32Array;
  /** Each host's own number: the domain that it is under the host topology. */
  readonly itself: Int32Array;
  /** 1 where the host takes nobody: not ready, or being emptied. */
  readonly out: Uint8Array;
  readonly freeCpu: Float64Array;
  readonly freeMemory: Float64Array;
  readonly freePods: Float64Array;
  readonly freeGpu: Float64Array;
  /** What an empty host may give away. */
  readonly usable: readonly Resources[];
  /** Dominant share of each host. */
  readonly utilisation: Float64Array;
  /** Takes (1) or gives back (-1) what a pod asks for. */
  readonly change: (host: number, requests: Requests, sign: 1 | -1) => void;
}

/** Throws `invalid_argument` for a name given twice or a quantity that is no whole number >= 0. */
export function createHostTable(given: readonly PlacementHost[], bufferPercent: number): HostTable {
  const hosts = [...given].sort((a, b) => byText(a.name, b.name));
  const numberOf = numberHosts(hosts);
  const zones = [...new Set(hosts.map((host) => host.zone))].filter((zone) => zone !== "").sort(byText);
  const zoneNumber = new Map(zones.map((zone, number) => [zone, number]));
  const usable = hosts.map((host) => usableOf(host.allocatable, bufferPercent));
  const all = (name: keyof Resources): Float64Array => Float64Array.from(hosts, (host) => host.allocatable[name]);
  const most = (name: keyof Resources): Float64Array => Float64Array.from(usable, (one) => one[name]);
  const free = (name: keyof Resources): Float64Array => most(name).map((amount, i) => amount - hosts[i]!.used[name]);

  const [freeCpu, freeMemory, freePods, freeGpu] = [free("cpuMilli"), free("memoryMiB"), free("pods"), free("gpu")];
  const [allCpu, allMemory, allPods, allGpu] = [all("cpuMilli"), all("memoryMiB"), all("pods"), all("gpu")];
  const [mostCpu, mostMemory] = [most("cpuMilli"), most("memoryMiB")];
  const utilisation = Float64Array.from(hosts, (host) => dominantShare(host.used, host.allocatable));

  const change: HostTable["change"] = (host, { cpuMilli, memoryMiB, gpu }, sign) => {
    const cpu = (freeCpu[host] = freeCpu[host]! - sign * cpuMilli);
    const memory = (freeMemory[host] = freeMemory[host]! - sign * memoryMiB);
    const pods = (freePods[host] = freePods[host]! - sign);
    const gpus = (freeGpu[host] = freeGpu[host]! - sign * gpu);
    utilisation[host] = Math.max(
      share(mostCpu[host]! - cpu, allCpu[host]!),
      share(mostMemory[host]! - memory, allMemory[host]!),
      share(allPods[host]! - pods, allPods[host]!),
      share(allGpu[host]! - gpus, allGpu[host]!),
    );
  };
  return {
    size: hosts.length,
    names: hosts.map((host) => host.name),
    candidates: hosts.map((host) => ({ ...host, labels: fullLabels(host.labels, host.zone, host.name) })),
    numberOf,
    zones,
    zoneOf: Int32Array.from(hosts, (host) => zoneNumber.get(host.zone) ?? -1),
    itself: Int32Array.from(hosts, (_, host) => host),
    out: Uint8Array.from(hosts, (host) => (takesNobody(host) ? 1 : 0)),
    freeCpu,
    freeMemory,
    freePods,
    freeGpu,
    usable,
    utilisation,
    change,
  };
}

function numberHosts(hosts: readonly PlacementHost[]): ReadonlyMap<string, number> {
  const numberOf = new Map<string, number>();
  for (const [number, host] of hosts.entries()) {
    if (numberOf.has(host.name)) throw new ShoalError("invalid_argument", `host ${host.name} is given twice`);
    checkQuantities(`host ${host.name}`, host.allocatable);
    checkQuantities(`host ${host.name}`, host.used);
    numberOf.set(host.name, number);
  }
  return numberOf;
}
