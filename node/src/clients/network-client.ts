/** What the node asks of its network. */
export interface NetworkStatus {
  readonly peerId: string;
  readonly listening: readonly string[];
  readonly peers: number;
}

export interface NetworkClient {
  publish(topic: string, payload: Uint8Array): Promise<void>;
  subscribe(topic: string): Promise<void>;
  unsubscribe(topic: string): Promise<void>;
  peers(): Promise<readonly string[]>;
  status(): Promise<NetworkStatus>;
}
