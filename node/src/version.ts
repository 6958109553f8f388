/** The version of this node, from the package it is. */
import manifest from "../package.json" with { type: "json" };

export const VERSION: string = manifest.version;
