/** A channel's methods by name. Each runs to its end before the next frame is looked at; errors are thrown. */
import type { Channel } from "../channel.ts";
import type { Arguments, MethodName } from "../wire/methods.ts";

export type Methods = { readonly [N in MethodName]?: (channel: Channel, args: Arguments<N>) => void };
