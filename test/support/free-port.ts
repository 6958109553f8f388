/**
 * Ports for what keeps its own over restarts. They lie below those that the system gives to outgoing connections, or another
 * process could have taken one while its owner was down.
 */
import { once } from "node:events";
import { createServer } from "node:net";

const [FIRST, COUNT] = [20_000, 12_000];

export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const server = createServer();
    try {
      await once(server.listen(port, "127.0.0.1"), "listening");
    } catch {
      continue;
    }
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
