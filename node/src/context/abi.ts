/** What contexts need to know of a module's ABI section (`wasm-abi/1`). */
import { z } from "zod";

const Abi = z.object({
  methods: z.array(z.object({ name: z.string(), xcall_callable: z.boolean().optional() })).default([]),
});

/** The entry of a method; undefined where the module has no ABI, one that cannot be read, or no such method. */
export function abiMethod(
  abi: string | undefined,
  method: string,
): { readonly xcall_callable?: boolean | undefined } | undefined {
  if (abi === undefined) return undefined;
  try {
    return Abi.safeParse(JSON.parse(abi)).data?.methods.find((one) => one.name === method);
  } catch {
    return undefined;
  }
}
