/** An agent of the real @openai/agents as a durable job: interrupted, kept, approved, resumed, and killed in between. */

import { Agent, setTracingDisabled } from "@openai/agents";
import { ScriptedModel, assistantMessage, functionCall } from "@openai/agents/testing";
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import * as gait from "../gait.js";
import { Durable } from "../openai_agents.js";
import { work } from "./work.js";
import { World } from "./world.js";

setTracingDisabled(true);

const once = ["model 0", "model 1", "model 2", "pay 12", "read bill", "read rates", "said I have paid 12."];

test("an agent is interrupted, approved by another actor, and resumed from the SDK's own state", async () => {
  const { w, notes } = await work("agents_worker", 0);
  assert.deepEqual(notes.sort(), once);
  const events = w.events("job_1");
  const approved = events.find((event) => event.type === "approved");
  assert.equal(approved.actor, "reviewer_1");
  assert.deepEqual(events.filter((event) => event.payload.verdict === "allow").map((event) => event.payload.reason_code).sort(), ["approved", "policy_permits", "policy_permits"]);
  w.gait(["pack", "build", "--type", "job", "--from", "job_1", "--out", w.at("pack.zip")]);
  w.gait(["pack", "verify", w.at("pack.zip")]);
});

test("a worker that is killed at any point goes on, and no tool runs twice", async () => {
  const points = [2, 4, 6, 9, 12];
  for (let next = 0; next < points.length; next += 3) {
    await Promise.all(
      points.slice(next, next + 3).map(async (at) => {
        const { w, notes } = await work("agents_worker", at);
        assert.ok(at > 9 || fs.existsSync(w.at("killed")), `nothing was killed at ${at}`); // later, the supervisor may end it first
        const tools = notes.filter((line) => !line.startsWith("model")).sort();
        assert.deepEqual(tools, once.slice(3), `killed at ${at}`);
        assert.ok(notes.length <= once.length + 1, `killed at ${at}, the model was asked more than once again: ${notes}`);
      }),
    );
  }
});

/** Runs an agent in this process. */
async function clerk(w: World, tools: (durable: Durable) => any[], answers: any[], job = new gait.Client({ environ: w.env }).job("job_1")) {
  const model = new ScriptedModel(answers);
  const durable = new Durable(job);
  const result = await durable.run(new Agent({ name: "clerk", model, tools: tools(durable) }), "Go on.");
  return { model, result, told: (model.lastCall!.request.input as any[]).filter((item) => item.type === "function_call_result").map((item) => item.output.text ?? item.output) };
}

const amount = { description: "A tool.", parameters: z.object({ amount: z.number() }) };

test("a tool that is not allowed does not run, and the model is told why", async () => {
  const w = new World();
  w.submit("job_1");
  const never = (durable: Durable) => [durable.tool({ ...amount, name: "steal", execute: () => assert.fail("it ran") })];
  const calls = [functionCall("steal", { amount: 1 }, { callId: "c1" }), functionCall("steal", "no JSON", { callId: "c2" }), functionCall("steal", { amount: 1 }, { callId: "c 3" })];
  const { told } = await clerk(w, never, [calls, [assistantMessage("I cannot.")]]);
  assert.deepEqual(told, [
    "This is not allowed, and it has not run. Do it another way, or stop. (policy_permits_none)",
    "It has not run, since the gate could not answer. Try once more, and then stop. (invalid_call_id)",
    "Tool execution was not approved.", // in the SDK's words: its arguments could not be read
  ]);
});

test("a tool that fails ends the run, and is not tried again", async () => {
  const w = new World();
  w.submit("job_1");
  let ran = 0;
  const fails = (durable: Durable) => [durable.tool({ ...amount, name: "read", execute: () => (ran++, Promise.reject("boom")) })];
  const call = [functionCall("read", { amount: 1 }, { callId: "c1" })];
  await assert.rejects(clerk(w, fails, [call]), /boom/);
  await assert.rejects(clerk(w, fails, [call]), (error: unknown) => gait.failureOf(error)?.code === "effects_unsettled");
  assert.equal(ran, 1);
});

test("an approver changes what is paid, and the model is told and asks for that", async () => {
  const w = new World();
  w.submit("job_1");
  const paid: unknown[] = [];
  const pays = (durable: Durable) => [durable.tool({ ...amount, name: "pay", execute: (given) => (paid.push(given), "paid") })];
  const job = new gait.Client({ environ: w.env }).job("job_1");
  await assert.rejects(clerk(w, pays, [[functionCall("pay", { amount: 900 }, { callId: "c1" })]], job), gait.Waiting);
  assert.equal(typeof job.state.run, "string");
  fs.writeFileSync(w.at("amended"), JSON.stringify({ tool: "pay", arguments: { amount: 9 } }));
  w.approve("job_1", "--amend", w.at("amended"));
  const answers = [[functionCall("pay", { amount: 9 }, { callId: "c2" })], [assistantMessage("paid")]];
  const { told } = await clerk(w, pays, answers, job);
  assert.deepEqual(told, ['It was approved with other arguments, and has not run. Ask for it with those. (intent_amended) Those are: {"amount":9}', "paid"]);
  assert.deepEqual(paid, [{ amount: 9 }]);
});

test("what the SDK would let run without the gate is refused", async () => {
  const w = new World();
  w.submit("job_1");
  const { tool } = await import("@openai/agents");
  const plain = () => [tool({ ...amount, name: "own", needsApproval: true, execute: () => assert.fail("it ran") })];
  await assert.rejects(clerk(w, plain, [[functionCall("own", { amount: 1 }, { callId: "c1" })]]), gait.Blocked);
});

test("without gait, no tool runs", async () => {
  const w = new World();
  const job = new gait.Client({ environ: { ...w.env, GAIT_BIN: "/nowhere" } }).job("job_1");
  job.save = async () => ({}); // the model answers
  const { told } = await clerk(w, (durable) => [durable.tool({ ...amount, name: "read", execute: () => assert.fail("it ran") })], [[functionCall("read", { amount: 1 }, { callId: "c1" })], [assistantMessage("no")]], job);
  assert.match(told[0], /^It has not run/);
});
