/** A page has no sockets: a transport that no address is for, so that the host's list of transports is the same everywhere. */
import { transportSymbol, type Transport } from "@libp2p/interface";

export const tcp = () => (): Transport => ({
  [transportSymbol]: true,
  [Symbol.toStringTag]: "no TCP",
  dial: () => Promise.reject(new Error("TCP is not there in a browser")),
  createListener: () => {
    throw new Error("TCP is not there in a browser");
  },
  listenFilter: () => [],
  dialFilter: () => [],
});
