/** A worker under gait job run, and the people that it needs. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { fileURLToPath } from "node:url";
import { World, bin } from "./world.js";

/** Runs the worker until its job has ended; a person approves, and finds out what a kill has left open. */
export async function work(name: string, killAt: number): Promise<{ w: World; notes: string[] }> {
  const w = new World();
  const worker = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const run = w.spawn(["job", "run", "--id", "job_1", "--policy", w.at("policy.cedar"), "--", process.execPath, worker], { KILL_AT: String(killAt) });
  for (let tries = 0; run.exitCode === null; tries++) {
    assert.ok(tries < 600, `killed at ${killAt}, the job does not end: ${JSON.stringify(w.gait(["job", "status", "--id", "job_1"], null))}`);
    await new Promise((wake) => setTimeout(wake, 200));
    if (!fs.existsSync(w.at("jobs"))) continue;
    const { job } = w.gait(["job", "status", "--id", "job_1"], null);
    if (job?.status === "decision_needed") w.approve("job_1");
    for (const grant of job?.grants ?? []) {
      if (job.waiting_for !== "effects") break; // the worker may still say it
      const intent = JSON.parse(spawnSync(bin, ["content", "get", grant.intent.digest, "--id", "job_1", "--out", "-"], { env: w.env, encoding: "utf8" }).stdout);
      const done = w.notes().includes(`${intent.tool} ${intent.arguments.path ?? intent.arguments.amount}`);
      w.gait(["gate", "settle", "--grant", grant.grant, "--outcome", done ? "done" : "not_done", "--actor", "boss", "--reason", "looked"]);
    }
  }
  assert.equal(run.exitCode, 0);
  return { w, notes: w.notes() };
}
