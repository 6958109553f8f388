/**
 * The stream muxer, which the library lets throw out of timers and microtasks: a stream that is opened on a connection that
 * goes at the same moment would end the process. What cannot be written because the connection is gone ends the muxer instead.
 */
import type { MultiaddrConnection, StreamMuxer, StreamMuxerFactory } from "@libp2p/interface";

/** The method that everything is written by; the library's types do not show it. */
interface Writer {
  send(data: unknown): boolean;
}

type Make<Components> = (components: Components) => StreamMuxerFactory;

export function steadyMuxer<Components>(make: Make<Components>): Make<Components> {
  return (components) => {
    const factory = make(components);
    return {
      protocol: factory.protocol,
      createStreamMuxer: (connection: MultiaddrConnection) => steady(factory.createStreamMuxer(connection), connection),
    };
  };
}

function steady(muxer: StreamMuxer, connection: MultiaddrConnection): StreamMuxer {
  const writer = muxer as unknown as Writer;
  const send = writer.send.bind(muxer);
  writer.send = (data) => {
    try {
      return send(data);
    } catch (thrown) {
      // Only a connection that is gone is expected to refuse; anything else is a fault that shall be seen.
      if (connection.status === "open") throw thrown;
      muxer.abort(thrown instanceof Error ? thrown : new Error("the connection is gone"));
      return false;
    }
  };
  return muxer;
}
