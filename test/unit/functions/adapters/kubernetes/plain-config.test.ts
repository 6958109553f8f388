/** What is plain is read without client-node, to the same effect; what is not is left to it. */
import type { RequestOptions } from "node:https";
import { expect, test } from "vitest";
import { kubeConfigFrom } from "@shoal/functions/adapters/kubernetes/credentials.ts";
import { plainKubeConfig } from "@shoal/functions/adapters/kubernetes/plain-config.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const CONFIG = {
  apiVersion: "v1",
  kind: "Config",
  "current-context": "one",
  clusters: [
    { name: "a", cluster: { server: "https://a.example:6443", "certificate-authority-data": base64("CA") } },
    { name: "b", cluster: { server: "https://b.example" } },
  ],
  users: [
    { name: "token", user: { token: "secret" } },
    { name: "cert", user: { "client-certificate-data": base64("CERT"), "client-key-data": base64("KEY") } },
  ],
  contexts: [
    { name: "one", context: { cluster: "a", user: "token" } },
    { name: "two", context: { cluster: "b", user: "cert" } },
    { name: "broken", context: { cluster: "c", user: "cert" } },
  ],
};

test.each(["one", "two"])("context %s means the same to both readers", async (context) => {
  const text = JSON.stringify(CONFIG);
  const plain = plainKubeConfig(text, context);
  // A leading comment makes it YAML, which client-node has to read.
  const read = await kubeConfigFrom(`# not plain\n${text}`, context);
  expect(plain?.getCurrentCluster()?.server).toBe(read.getCurrentCluster()?.server);
  const [ours, theirs]: [RequestOptions, RequestOptions] = [{}, {}];
  await plain?.applyToHTTPSOptions(ours);
  await read.applyToHTTPSOptions(theirs);
  const { ca, cert, key } = theirs;
  expect(ours).toEqual({
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert, key }),
    ...(context === "one" ? { headers: { Authorization: "Bearer secret" } } : {}),
  });
  expect(theirs.headers ?? {}).toEqual(ours.headers ?? {});
});

test("what may need an authenticator or says more about the connection is not plain", () => {
  const withUser = (user: object): string => JSON.stringify({ ...CONFIG, users: [{ name: "token", user }] });
  expect(plainKubeConfig(withUser({ exec: { command: "aws" } }), undefined)).toBeUndefined();
  const insecure = { name: "a", cluster: { server: "https://a.example", "insecure-skip-tls-verify": true } };
  expect(plainKubeConfig(JSON.stringify({ ...CONFIG, clusters: [insecure] }), undefined)).toBeUndefined();
  expect(plainKubeConfig("apiVersion: v1", undefined)).toBeUndefined();
});

test("a context that is not complete is refused by name", () => {
  expect(() => plainKubeConfig(JSON.stringify(CONFIG), "broken")).toThrow(/broken/);
});
