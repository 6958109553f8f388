/** `createGunzip` of `node:zlib`, by fflate. */
import { Gunzip } from "fflate";
import { Transform, type TransformCallback } from "node:stream";

export function createGunzip(): Transform {
  const gunzip = new Gunzip();
  const transform = new Transform({
    transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback) {
      feed(chunk, false, done);
    },
    flush(done: TransformCallback) {
      feed(new Uint8Array(), true, done);
    },
  });
  gunzip.ondata = (data) => void transform.push(Buffer.from(data));
  const feed = (chunk: Uint8Array, isLast: boolean, done: TransformCallback): void => {
    try {
      gunzip.push(chunk, isLast);
      done();
    } catch (thrown) {
      done(thrown as Error);
    }
  };
  return transform;
}
