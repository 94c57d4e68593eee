/** The quickstart ends with a verified pack, also if it is killed and started again. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { World } from "./world.js";

const quickstart = fileURLToPath(new URL("../quickstart.js", import.meta.url));

test("the quickstart, killed once, goes on and ends with VERIFIED", async () => {
  const w = new World();
  const first = spawn(process.execPath, [quickstart, w.at("q")], { env: w.env, stdio: ["ignore", "pipe", "ignore"] });
  await new Promise<void>((shown) => first.stdout.on("data", (said) => String(said).includes("reviewer is shown") && shown()));
  first.kill("SIGKILL");
  const { stdout, stderr, status } = spawnSync(process.execPath, [quickstart, w.at("q")], { env: w.env, encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
  assert.equal(stdout.trim().split("\n").at(-1), "VERIFIED", stdout);
  assert.deepEqual(fs.readFileSync(w.at("q", "refunds.jsonl"), "utf8"), '{"order":"7","cents":4200}\n');
});
