/** Headers of `/state` and of the probes. Apart from the body's schema: a pod that restores nothing has no need of zod. */

/** Answers and requests that carry a body name the hash of its bytes, so that a relay can compare without parsing. */
export const STATE_DIGEST_HEADER = "content-digest";
export const STATE_EPOCH_HEADER = "x-dory-state-epoch";
export const STATE_SEQUENCE_HEADER = "x-dory-state-sequence";
/** By it an orchestrator tells a pod that speaks this contract from any other. */
export const SDK_VERSION_HEADER = "x-dory-sdk-version";
