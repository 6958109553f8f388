/** Addresses of the networks that `--boot-network` names. Nodes of this kind meet others of this kind there, or nobody. */
const [IPFS, DEV] = ["/dnsaddr/bootstrap.libp2p.io/p2p", "/ip4/63.181.86.34"];

export const BOOT_NETWORKS = {
  "calimero-dev": [
    `${DEV}/udp/4001/quic-v1/p2p/12D3KooWR5V4zmisVtVdGE6i8jfFwtgRNq5t8eDGxfckKuhXu7Eh`,
    `${DEV}/tcp/4001/p2p/12D3KooWR5V4zmisVtVdGE6i8jfFwtgRNq5t8eDGxfckKuhXu7Eh`,
  ],
  ipfs: [
    `${IPFS}/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN`,
    `${IPFS}/QmQCU2EcMqAqQPR2i9bChDtGNJchTbq5TbXJJ16u19uLTa`,
    `${IPFS}/QmbLHAnMoJPWSCR5Zhtx6BHJX9KiKNN6tpvbUcqanj75Nb`,
    `${IPFS}/QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt`,
  ],
} as const;

export type BootNetwork = keyof typeof BOOT_NETWORKS;
