/**
 * Two channels with each other at the far end, in memory, as the network's port describes them: frames in order, one bound on
 * what is on its way (a sender waits for its reader), deadlines by the clock that is handed in.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { type Channel, MAX_FRAME, type PeerId } from "@shoal/node/network/contract.ts";

export interface ChannelPairOptions {
  readonly clock: Clock;
  /** Names of the two ends: what the other one's `peer` says. */
  readonly ends?: readonly [PeerId, PeerId];
  /** Bytes on their way in one direction before a sender waits. */
  readonly room?: number;
  /** Told of each frame, when it is sent and when it is received. */
  readonly onFrame?: () => void;
}

/** The first end's channel to the second, and the second's to the first. */
export function channelPair({
  clock,
  ends = ["one", "two"],
  room = MAX_FRAME,
  onFrame,
}: ChannelPairOptions): [Channel, Channel] {
  const there = createPipe(clock, room, onFrame);
  const back = createPipe(clock, room, onFrame);
  const abort = (): void => {
    there.break();
    back.break();
  };
  const endOf = (peer: PeerId, out: Pipe, into: Pipe): Channel => ({
    peer,
    send: (frame) => out.send(frame),
    receive: (within) => into.receive(within),
    close: async () => out.end(),
    abort,
  });
  return [endOf(ends[1], there, back), endOf(ends[0], back, there)];
}

type Pipe = ReturnType<typeof createPipe>;

function createPipe(clock: Clock, room: number, onFrame: () => void = () => undefined) {
  const frames: Uint8Array[] = [];
  const waiting = new Set<() => void>();
  const now: { bytes: number; state: "open" | "ended" | "broken" } = { bytes: 0, state: "open" };
  const broken = (): ShoalError => new ShoalError("unavailable", "the channel is no more");
  const wake = (): void => {
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  const change = (): Promise<void> => new Promise((resolve) => void waiting.add(resolve));

  return {
    async send(frame: Uint8Array): Promise<void> {
      if (frame.length > MAX_FRAME) throw new ShoalError("payload_too_large", `a frame has at most ${MAX_FRAME} bytes`);
      while (now.state === "open" && now.bytes > 0 && now.bytes + frame.length > room) await change();
      if (now.state !== "open") throw broken();
      now.bytes += frame.length;
      frames.push(frame.slice());
      onFrame();
      wake();
    },

    async receive(within: DurationMs): Promise<Uint8Array | undefined> {
      const over = new AbortController();
      let late = false;
      const timer = clock.sleep(within, over.signal).then(
        () => {
          late = true;
          wake();
        },
        () => undefined,
      );
      try {
        for (;;) {
          if (now.state === "broken") throw broken();
          const frame = frames.shift();
          if (frame !== undefined) {
            now.bytes -= frame.length;
            onFrame();
            wake();
            return frame;
          }
          if (now.state === "ended") return undefined;
          if (late) throw new ShoalError("deadline_exceeded", `nothing came within ${within} ms`);
          await change();
        }
      } finally {
        over.abort();
        await timer;
      }
    },

    end(): void {
      if (now.state === "open") now.state = "ended";
      wake();
    },

    break(): void {
      now.state = "broken";
      frames.length = 0;
      wake();
    },
  };
}
