/** Does what the README shows compile, as strictly as the client itself? */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);

/** Every block compiles, but for the browsers' one, whose transport is someone else's package. */
test("README", () => {
  const folder = new URL("build/readme/", root);
  mkdirSync(folder, { recursive: true });
  const blocks = [...readFileSync(new URL("README.md", root), "utf8").matchAll(/^```ts\n(.*?)^```$/gms)]
    .map(([, code = ""]) => code)
    .filter((code) => !code.includes("@connectrpc"));
  assert.ok(blocks.length > 0 && (blocks[0]?.split("\n").length ?? 99) <= 16, "the quickstart is 15 lines at most");
  const files = blocks.map((code, index) => {
    const file = new URL(`${index}.ts`, folder);
    writeFileSync(file, code);
    return fileURLToPath(file);
  });
  const tsc = fileURLToPath(new URL("node_modules/.bin/tsc", root));
  const flags = ["--strict", "--noEmit", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--ignoreConfig"];
  const lib = ["--target", "es2022", "--lib", "es2022,esnext.disposable", "--module", "nodenext", "--types", "node"];
  const compiled = spawnSync(tsc, [...flags, ...lib, ...files], { encoding: "utf8" });
  assert.equal(compiled.stdout, "");
  assert.equal(compiled.status, 0);
});
