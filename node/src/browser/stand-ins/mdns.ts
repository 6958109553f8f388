/** A tab hears nothing of its neighbours: there is no multicast in a page. */
export const mdns = (): never => {
  throw new Error("mDNS is not there in a browser");
};
