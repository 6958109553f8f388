/** A small web server that does as it is told, to be run as a pod. It listens on its pod's own address. */
import { createServer } from "node:http";

const host = process.env["POD_IP"];
const port = Number(process.env["PORT"] ?? 8080);
let healthy = true;
let ready = true;

if (process.env["CRASH"] !== undefined) {
  console.log("crashing");
  process.exit(Number(process.env["CRASH"]));
}

const server = createServer((request, response) => {
  const path = request.url ?? "/";
  if (path === "/health") response.statusCode = healthy ? 200 : 500;
  if (path === "/ready") response.statusCode = ready ? 200 : 503;
  if (path === "/sicken") healthy = false;
  if (path === "/busy") ready = false;
  if (path === "/idle") ready = true;
  if (path.startsWith("/say/")) console.log(path.slice(5));
  if (path === "/prestop") console.log("preStop");
  response.end(path === "/env" ? JSON.stringify(process.env) : `${process.pid}`);
});
server.listen(port, host, () => console.log(`listening on ${host}:${port}`));
process.on("SIGTERM", () => {
  console.log("SIGTERM");
  if (process.env["DEAF"] === undefined) process.exit(0);
});
