/** Does the package give every stub, and keep gRPC out of browsers? */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { VERSION } from "weir-client";

const root = new URL("../../", import.meta.url);
const read = (path: string | URL): string => readFileSync(new URL(path, root), "utf8");

/** Packages from outside that a module needs, itself or by others. */
function needed(module: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(module.href)) return new Set();
  seen.add(module.href);
  const all = new Set<string>();
  for (const [, name = ""] of read(module).matchAll(/^(?:import|export)[^;]*? from "([^"]+)";/gm)) {
    if (name.startsWith(".")) needed(new URL(name, module), seen).forEach((each) => all.add(each));
    else all.add(name.split("/").slice(0, 2).join("/"));
  }
  return all;
}

/** Stubs, the fold and the errors need protobuf alone; the client needs gRPC too. */
for (const [entry, packages] of [
  ["dist/v1.js", ["@bufbuild/protobuf"]],
  ["dist/admin-v1.js", ["@bufbuild/protobuf"]],
  ["dist/web.js", ["@bufbuild/protobuf"]],
  ["dist/index.js", ["@bufbuild/protobuf", "@grpc/grpc-js", "node:fs"]],
] as const) {
  test(`${entry} needs ${packages.join(", ")}`, () => {
    assert.deepEqual([...needed(new URL(entry, root))].sort(), packages);
  });
}

/** Whatever is generated is exported: a new file of the contract cannot be forgotten. */
for (const [barrel, folder] of [["src/v1.ts", "weir/v1"], ["src/admin-v1.ts", "weir/admin/v1"]] as const) {
  test(`${barrel} has every file of ${folder}`, () => {
    const files = readdirSync(fileURLToPath(new URL(`src/${folder}`, root)));
    const exported = [...read(barrel).matchAll(/"\.\/(.*)\.js"/g)].map(([, path]) => path);
    assert.deepEqual(exported, files.sort().map((file) => `${folder}/${file.replace(".ts", "")}`));
  });
}

/** The version is one number. */
test("version", () => {
  assert.equal(VERSION, (JSON.parse(read("package.json")) as { version: string }).version);
});
