/**
 * A worker with an agent of the real SDK and a model that is none: it reads, pays, and says that it has
 * paid. It is killed at the point that KILL_AT names, once.
 */

import { Agent, setTracingDisabled } from "@openai/agents";
import { ScriptedModel, assistantMessage, functionCall, modelResponder } from "@openai/agents/testing";
import { z } from "zod";
import * as gait from "../gait.js";
import { Durable } from "../openai_agents.js";
import { note } from "./killed.js";

setTracingDisabled(true);

const answers = [
  () => [functionCall("read", { path: "bill" }, { callId: "call_read" })],
  () => [functionCall("pay", { amount: 12 }, { callId: "call_pay" }), functionCall("read", { path: "rates" }, { callId: "call_rates" })],
  () => [assistantMessage("I have paid 12.")],
];
const model = new ScriptedModel(
  Array.from({ length: 10 }, () =>
    modelResponder(({ request }) => {
      const turn = Math.min(2, (request.input as any[]).filter((item) => item.type === "function_call_result").length);
      note(`model ${turn}`);
      return answers[turn]!();
    }),
  ),
);

await gait.job(async (job) => {
  const durable = new Durable(job);
  const read = durable.tool({ name: "read", description: "Reads a file.", parameters: z.object({ path: z.string() }), execute: ({ path }) => (note(`read ${path}`), `${path}: 12`) });
  const pay = durable.tool({ name: "pay", description: "Pays.", parameters: z.object({ amount: z.number() }), target: "bank", execute: ({ amount }) => (note(`pay ${amount}`), { paid: amount }) });
  const result = await durable.run(new Agent({ name: "clerk", model, tools: [read, pay] }), "Pay the bill.");
  note(`said ${result.finalOutput}`);
});
