/** A graph of the real @langchain/langgraph as a durable job: interrupted, recorded, approved, resumed, and killed in between. */

import { Annotation, END, MemorySaver, START, StateGraph } from "@langchain/langgraph";
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import * as gait from "../gait.js";
import { GaitSaver, gated, run } from "../langgraph.js";
import { work } from "./work.js";
import { World } from "./world.js";

const once = ["pay 12", "read bill", "read rates"];

test("a graph is interrupted, approved by another actor, and resumed from what the job has recorded", async () => {
  const { w, notes } = await work("graph_worker", 0);
  const said = JSON.parse(notes.find((line) => line.startsWith("said "))!.slice(5));
  assert.deepEqual(said.slice(0, 1), ["read bill"]);
  assert.deepEqual(said.slice(1, 3).sort(), ["pay 12", "read rates"]);
  assert.deepEqual(said.slice(3), [{ question: "which account?" }], "it goes on with what was approved");
  assert.deepEqual(notes.filter((line) => !line.startsWith("said")).sort(), once);
  const events = w.events("job_1");
  const approved = events.filter((event) => event.type === "approved");
  assert.deepEqual(approved.map((event) => event.actor), ["reviewer_1", "reviewer_1"]);
  const steps = events.filter((event) => event.payload.summary?.startsWith("checkpoint of step"));
  assert.ok(steps.length >= 4, `${steps.length} checkpoints were recorded`);
  for (const step of steps) assert.equal(step.payload.attachments[0].role, "state");
  w.gait(["pack", "build", "--type", "job", "--from", "job_1", "--out", w.at("pack.zip")]);
  w.gait(["pack", "verify", w.at("pack.zip")]);
});

test("a graph whose worker is killed goes on, and no tool runs twice", async () => {
  await Promise.all(
    [3, 6, 8, 13].map(async (at) => {
      const { w, notes } = await work("graph_worker", at);
      assert.ok(at > 8 || fs.existsSync(w.at("killed")), `nothing was killed at ${at}`); // later, the supervisor may end it first
      assert.deepEqual(notes.filter((line) => !line.startsWith("said")).sort(), once, `killed at ${at}`);
    }),
  );
});

const State = Annotation.Root({ said: Annotation<string> });

test("a graph that has ended is not run again", async () => {
  const w = new World();
  w.submit("job_1");
  const client = new gait.Client({ environ: w.env });
  const job = client.job("job_1");
  let ran = 0;
  for (let times = 0; times < 2; times++) {
    const builder = new StateGraph(State).addNode("reads", async () => ({ said: `read ${++ran}` })).addEdge(START, "reads").addEdge("reads", END);
    const graph = builder.compile({ checkpointer: await GaitSaver.open(new MemorySaver(), job) });
    assert.deepEqual(await run(graph, { said: "" }, job), { said: "read 1" });
  }
});

test("a tool that is not allowed stops the graph, and so does a checkpoint that cannot be recorded", async () => {
  const w = new World();
  w.submit("job_1");
  const job = new gait.Client({ environ: w.env }).job("job_1");
  const graph = async () =>
    new StateGraph(State)
      .addNode("steals", async () => ({ said: await gated(job, "steal", {}, () => assert.fail("it ran")) }))
      .addEdge(START, "steals")
      .addEdge("steals", END)
      .compile({ checkpointer: await GaitSaver.open(new MemorySaver(), job) });
  await assert.rejects(run(await graph(), { said: "" }, job), gait.Blocked);
  w.gait(["job", "stop", "--id", "job_1", "--actor", "boss", "--reason", "enough"]);
  job.state = null;
  await assert.rejects(run(await graph(), { said: "" }, job), gait.Failure);
});
