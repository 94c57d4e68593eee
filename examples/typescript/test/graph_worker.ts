/** A worker with a graph of the real LangGraph: it reads, pays, asks which account it was, and says so. */

import { Annotation, END, MemorySaver, START, StateGraph, interrupt } from "@langchain/langgraph";
import * as gait from "../gait.js";
import { GaitSaver, gated, run } from "../langgraph.js";
import { note } from "./killed.js";

const State = Annotation.Root({ bill: Annotation<string>, said: Annotation<string[]>({ reducer: (a, b) => a.concat(b), default: () => [] }) });

await gait.job(async (job) => {
  const tool = (line: string) => async () => (note(line), line);
  const graph = new StateGraph(State)
    .addNode("reads", async () => ({ said: [await gated(job, "read", { path: "bill" }, tool("read bill"))] }))
    .addNode("pays", async ({ bill }) => ({ said: [await gated(job, "pay", { amount: Number(bill) }, tool(`pay ${bill}`), { target: "bank", callId: "call_pay" })] }))
    .addNode("rates", async () => ({ said: [await gated(job, "read", { path: "rates" }, tool("read rates"))] }))
    .addNode("asks", async () => ({ said: [interrupt({ question: "which account?" })] }))
    .addEdge(START, "reads")
    .addEdge("reads", "pays")
    .addEdge("reads", "rates")
    .addEdge("pays", "asks")
    .addEdge("rates", "asks")
    .addEdge("asks", END)
    .compile({ checkpointer: await GaitSaver.open(new MemorySaver(), job) });
  const { said } = await run(graph, { bill: "12" }, job);
  note(`said ${JSON.stringify(said)}`);
});
