/**
 * A worker with two agents of the real SDK that hand off to each other, each with a model of its own, whose calls
 * have other ids each time it is asked. It is killed at the point that KILL_AT names, once.
 */

import { Agent, handoff, setTracingDisabled } from "@openai/agents";
import { ScriptedModel, assistantMessage, functionCall, modelResponder } from "@openai/agents/testing";
import { randomUUID } from "node:crypto";
import { z } from "zod";
import * as gait from "../gait.js";
import { Durable } from "../openai_agents.js";
import { note } from "./killed.js";

setTracingDisabled(true);

/** Returns a model that does the next step of the run, as far as its input says that it has come. */
function model(name: string, steps: { [done: number]: () => any }): ScriptedModel {
  const answer = modelResponder(({ request }) => {
    const done = (request.input as any[]).filter((item) => item.type === "function_call_result").length;
    note(`model ${name} ${done}`);
    return [steps[done]!()];
  });
  return new ScriptedModel(Array.from({ length: 10 }, () => answer));
}

const call = (name: string, given: { amount?: number }) => () => functionCall(name, given, { callId: randomUUID() });

await gait.job(async (job) => {
  const durable = new Durable(job);
  const read = durable.tool({ name: "read", description: "Reads.", parameters: z.object({ amount: z.number() }), execute: ({ amount }) => (note(`read ${amount}`), { read: amount }) });
  const clerk = new Agent({ name: "clerk", model: model("clerk", { 1: call("read", { amount: 1 }), 2: call("transfer_to_front", {}) }), tools: [read] });
  const front = new Agent({
    name: "front",
    model: model("front", { 0: call("transfer_to_clerk", {}), 3: call("read", { amount: 2 }), 4: () => assistantMessage("Both are read.") }),
    tools: [read],
    handoffs: [handoff(clerk)],
  });
  clerk.handoffs.push(front);
  const result = await durable.run(front, "Read the bills.");
  note(`said ${result.finalOutput}`);
});
