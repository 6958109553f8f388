/** What a member may do beside reading and writing: bits of a mask, numbered as clients of merod know them. */

export const CAPABILITY = {
  createContext: 1 << 0,
  inviteMembers: 1 << 1,
  /** Join open contexts; in namespaces also open subgroups. */
  joinOpen: 1 << 2,
  manageMembers: 1 << 3,
  manageApplication: 1 << 4,
  createSubgroup: 1 << 5,
  deleteSubgroup: 1 << 6,
  manageVisibility: 1 << 7,
  manageMetadata: 1 << 8,
} as const;

/** Every bit that means something; a mask with others is refused. */
export const ALL_CAPABILITIES = Object.values(CAPABILITY).reduce((mask, bit) => mask | bit, 0);

/** What a new group gives its members until an admin says otherwise. */
export const INITIAL_CAPABILITIES = CAPABILITY.joinOpen;

/** Rights within one context that an admin may hand to a member (bit numbers of the wire's u8). */
export const CONTEXT_CAPABILITY = { manageApplication: 0, manageMembers: 1, proxy: 2 } as const;
/** The highest bit a context capability may name. */
export const MAX_CONTEXT_CAPABILITY = 7;

export function has(mask: number, bit: number): boolean {
  return (mask & bit) === bit;
}
