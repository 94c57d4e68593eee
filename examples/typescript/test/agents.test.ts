/** An agent of the real @openai/agents as a durable job: interrupted, kept, approved, resumed, and killed in between. */

import { Agent, MCPServerStdio, handoff, setTracingDisabled, tool, webSearchTool } from "@openai/agents";
import { ScriptedModel, assistantMessage, functionCall, modelResponder } from "@openai/agents/testing";
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

test("agents hand off to each other, and whichever worker is killed, no tool runs twice", async () => {
  const tools = ["read 1", "read 2", "said Both are read."];
  await Promise.all(
    [0, 6, 11].map(async (at) => {
      const { w, notes } = await work("handoff_worker", at);
      assert.ok(at === 0 || fs.existsSync(w.at("killed")), `nothing was killed at ${at}`);
      assert.deepEqual(notes.filter((line) => !line.startsWith("model")), tools, `killed at ${at}`);
      const models = notes.filter((line) => line.startsWith("model"));
      assert.ok(models.length <= (at === 0 ? 5 : 6), `killed at ${at}, the models were asked more than once again: ${models}`);
    }),
  );
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

test("an agent with what would run without the gate is refused, before its model is asked", async () => {
  const w = new World();
  w.submit("job_1");
  const job = () => new gait.Client({ environ: w.env }).job("job_1");
  const gated = (durable: Durable) => durable.tool({ ...amount, name: "read", execute: () => assert.fail("it ran") });
  const made = { ...amount, name: "read", execute: () => assert.fail("it ran") };
  const model = new ScriptedModel([[functionCall("read", { amount: 1 }, { callId: "c1" })]]);
  const plain = new Agent({ name: "plain", model, tools: [tool(made)] });
  class Own extends Agent {}
  const agents: { [name: string]: (durable: Durable) => Agent<any, any> } = {
    "a tool of the SDK's": () => plain,
    "one that asks for an approval of its own": () => new Agent({ name: "a", model, tools: [tool({ ...made, needsApproval: true })] }),
    "a copy of a tool that is gated": (durable) => new Agent({ name: "a", model, tools: [{ ...gated(durable) }] }),
    "a tool of another job": () => new Agent({ name: "a", model, tools: [new Durable(job()).tool(made)] }),
    "a hosted tool": () => new Agent({ name: "a", model, tools: [webSearchTool()] }),
    "an agent as a tool": () => new Agent({ name: "a", model, tools: [new Agent({ name: "b", model }).asTool({ toolName: "read" })] }),
    "an MCP server": () => new Agent({ name: "a", model, mcpServers: [new MCPServerStdio({ command: "false" })] }),
    "a prompt that is kept elsewhere": () => new Agent({ name: "a", model, prompt: { promptId: "p" } }),
    "an agent of another kind": (durable) => new Own({ name: "a", model, tools: [gated(durable)] }),
    "a handoff to such an agent": () => new Agent({ name: "a", model, handoffs: [plain] }),
    "a handoff of one's own to such an agent": (durable) => new Agent({ name: "a", model, tools: [gated(durable)], handoffs: [handoff(plain)] }),
    "a handoff that is further away": () => new Agent({ name: "a", model, handoffs: [new Agent({ name: "b", model, handoffs: [plain] })] }),
  };
  for (const [name, agent] of Object.entries(agents)) {
    const durable = new Durable(job());
    await assert.rejects(durable.run(agent(durable), "Go."), gait.Blocked, name);
  }
  const back = new Agent({ name: "back", model, handoffs: [] as Agent[] });
  back.handoffs.push(new Agent({ name: "there", model, tools: [tool(made)], handoffs: [back] }));
  await assert.rejects(new Durable(job()).run(back, "Go."), gait.Blocked);
  assert.equal(model.calls.length, 0);
  assert.throws(() => new Durable(job()).tool({ ...amount, name: "late", execute: () => "late", timeoutMs: 1 } as any), /leave out its timeout/);
});

test("what an agent gets after it was looked at does not run, and those who listen to it hear it", async () => {
  const w = new World();
  w.submit("job_1");
  const durable = new Durable(new gait.Client({ environ: w.env }).job("job_1"));
  const heard: string[] = [];
  const free = tool({ ...amount, name: "free", execute: () => assert.fail("it ran") });
  const model = new ScriptedModel([
    modelResponder(() => (agent.tools.push(free), other.tools.push(free), [functionCall("transfer_to_other", {}, { callId: "c1" })])),
    [functionCall("free", { amount: 1 }, { callId: "c2" })],
  ]);
  const other = new Agent({ name: "other", model });
  const agent = new Agent({ name: "clerk", model, tools: [durable.tool({ ...amount, name: "read", execute: () => "read" })], handoffs: [handoff(other, { onHandoff: () => void heard.push("handoff") })] });
  agent.on("agent_start", () => heard.push("clerk"));
  other.on("agent_start", () => heard.push("other"));
  await assert.rejects(durable.run(agent, "Go."), /free/);
  assert.deepEqual(heard, ["clerk", "handoff", "other"]);
});

test("an id that the model gives to two calls names neither of them for the other", async () => {
  const w = new World();
  w.submit("job_1");
  const ran: string[] = [];
  const two = (durable: Durable) => ["read", "steal"].map((name) => durable.tool({ ...amount, name, execute: ({ amount }) => (ran.push(`${name} ${amount}`), name) }));
  for (const [i, order] of [["read", "steal"], ["steal", "read"]].entries()) {
    const calls = order.map((name) => functionCall(name, { amount: i }, { callId: `c${i}` }));
    await clerk(w, two, [calls, [assistantMessage("done")]], new gait.Client({ environ: w.env }).job("job_1")).catch(() => {});
  }
  assert.ok(ran.every((line) => line.startsWith("read ")), `what ran: ${ran}`);
});

test("a job has one run of agents", async () => {
  const w = new World();
  w.submit("job_1");
  const durable = new Durable(new gait.Client({ environ: w.env }).job("job_1"));
  const agent = (says: string) => new Agent({ name: "clerk", model: new ScriptedModel([[assistantMessage(says)]]) });
  assert.equal((await durable.run(agent("one"), "Go.")).finalOutput, "one");
  await assert.rejects(durable.run(agent("two"), "Go."), /one run/);
});

test("without gait, no tool runs", async () => {
  const w = new World();
  const job = new gait.Client({ environ: { ...w.env, GAIT_BIN: "/nowhere" } }).job("job_1");
  job.save = async () => ({}); // the model answers
  const { told } = await clerk(w, (durable) => [durable.tool({ ...amount, name: "read", execute: () => assert.fail("it ran") })], [[functionCall("read", { amount: 1 }, { callId: "c1" })], [assistantMessage("no")]], job);
  assert.match(told[0], /^It has not run/);
});
