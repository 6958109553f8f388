/** A function's wiring, loaded once: at the start of the process that serves it, or else at its first call. */

/**
 * Where this process is to serve `name`, loading begins at once, so that the first request does not wait for all of it; a
 * failure is told to each call, and the next call tries again.
 */
export function served<Service>(name: string, load: () => Promise<Service>): () => Promise<Service> {
  let loading: Promise<Service> | undefined;
  const get = (): Promise<Service> => {
    loading ??= load().catch((thrown: unknown) => {
      loading = undefined;
      throw thrown;
    });
    return loading;
  };
  if (targets().includes(name)) get().catch(() => undefined);
  return get;
}

/** FUNCTION_TARGET is the platform's; a local process may serve several. */
function targets(): readonly string[] {
  return (process.env["FUNCTION_TARGET"] ?? "").split(",");
}
