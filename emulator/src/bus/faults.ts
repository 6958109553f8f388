/** Switches that make the bus misbehave the way brokers and networks do. All off at the start; each holds until changed. */
export interface BusFaults {
  /** New connections are closed before a byte is said. */
  refuseConnections: boolean;
  /** Milliseconds by which each confirm comes late. */
  delayConfirmsMs: number;
  /** Confirms are swallowed: what was published is kept, its publisher never hears. */
  dropConfirms: boolean;
  /** Resets every open connection now. How many there were. */
  cutConnections(): number;
}
