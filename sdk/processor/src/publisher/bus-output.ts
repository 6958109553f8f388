/** The publisher as a processor's output. Loaded only where a bus is configured. */
import ngeohash from "ngeohash";
import { seconds } from "@shoal/shared/base/time.ts";
import { GEOHASH_PRECISION } from "@shoal/shared/wire/routing-key.ts";
import type { OutputParts } from "../app/choose-output.ts";
import type { Output } from "../app/output.ts";
import type { Place, ProcessorConfig } from "../config/config.ts";
import { Publisher } from "./publisher.ts";

const WINDOW = 1000;
const ACCEPT_WITHIN = seconds(30);
/** What is unconfirmed is part of the state, so it may take a quarter of it. A ConfigMap holds less than 1 MB in all. */
const WINDOW_SHARE = 1 / 4;
const CONFIG_MAP_WINDOW_BYTES = 256 * 1024;

export function busOutput(busUrl: string, { config, clock, random, log, fence }: OutputParts): Output {
  const { identity } = config;
  const publisher = new Publisher({
    url: busUrl,
    processorId: identity.processorId,
    epoch: identity.epoch,
    geohash: geohashOf(config.output.place),
    segmentLength: config.output.segmentLength,
    ids: "repeatable",
    window: { count: WINDOW, bytes: windowBytes(config) },
    acceptWithin: ACCEPT_WITHIN,
    clock,
    random,
    log,
  });
  fence.lost.addEventListener("abort", () => void publisher.fence(fence.because ?? "it was fenced"), { once: true });
  return {
    connect: () => publisher.connect(),
    publish: async (event) => {
      await publisher.publish(event);
    },
    drain: (within) => publisher.drain(within),
    close: () => publisher.close(),
    capture: () => publisher.capture(),
    restore: (captured) => publisher.restore(captured),
    readings: () => ({ ...publisher.counts, unconfirmed: publisher.unconfirmed, reconnects: publisher.reconnects }),
  };
}

function geohashOf(place: Place | undefined): string | undefined {
  if (place === undefined || "geohash" in place) return place?.geohash;
  return ngeohash.encode(place.latitude, place.longitude, GEOHASH_PRECISION);
}

function windowBytes({ state, limits }: ProcessorConfig): number {
  return state.backend === "configmap" ? CONFIG_MAP_WINDOW_BYTES : Math.floor(limits.maxStateBytes * WINDOW_SHARE);
}
