/** Endpoints of governance: groups, namespaces, invitations, capabilities, attestation. */
export const governanceEndpoints = [] as const;
