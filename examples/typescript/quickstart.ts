/**
 * An agent of the OpenAI Agents SDK as a durable job, from its submission to a verified pack:
 *
 *     make build && cd examples/typescript && npm ci && npm run build
 *     node dist/quickstart.js
 *
 * The agent has two tools: it looks up an order, and gives the money back. The policy wants a person to approve
 * the second. The SDK is the real one; the model is a script, so that no network is needed. This program plays
 * all parts: boss submits and resumes the job, support is the worker, reviewer approves. They are names here that
 * nobody proves: ../integrations/openai_agents has the same with a key for each. Kill it at any moment, and start
 * it again: it goes on. All that it writes is in ./gait-quickstart, or the directory that it is given.
 */

import { Agent, setTracingDisabled } from "@openai/agents";
import { ScriptedModel, assistantMessage, functionCall, modelResponder } from "@openai/agents/testing";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import * as gait from "./gait.js";
import { Durable } from "./openai_agents.js";

const JOB = "refund-order-7";
const POLICY = `
@id("look") permit (principal, action == Action::"look_up_order", resource);
@id("refund") @gait_verdict("require_approval") permit (principal, action == Action::"refund", resource == Target::"bank");
`;

/* The agent, and what its tools do. */

type Refund = { order: string; cents: number };

function refund({ order, cents }: Refund) {
  const bank = fs.openSync("refunds.jsonl", "a"); // stands for a bank
  fs.writeSync(bank, `${JSON.stringify({ order, cents })}\n`);
  fs.fsyncSync(bank);
  fs.closeSync(bank);
  return { refunded: cents };
}

function refunds(): Refund[] {
  return fs.existsSync("refunds.jsonl") ? fs.readFileSync("refunds.jsonl", "utf8").trim().split("\n").map((line) => JSON.parse(line)) : [];
}

/** A model that looks the order up, gives the money back, and says so, under new ids each time that it is asked. */
const answers = [
  () => functionCall("look_up_order", { order: "7" }, { callId: `call_${randomUUID()}` }),
  () => functionCall("refund", { order: "7", cents: 4200 }, { callId: `call_${randomUUID()}` }),
  () => assistantMessage("Order 7 did not arrive: 4200 cents were given back."),
];
const script = modelResponder(({ request }) => [answers[(request.input as { type?: string }[]).filter((item) => item.type === "function_call_result").length]!()]);

async function worker() {
  setTracingDisabled(true); // else the SDK sends what runs to OpenAI
  await gait.job(async (job) => {
    const durable = new Durable(job);
    const look = durable.tool({
      name: "look_up_order",
      description: "Tells what an order is, and whether it was delivered.",
      parameters: z.object({ order: z.string() }),
      execute: () => ({ customer: "Ada", cents: 4200, delivered: false }),
    });
    const pay = durable.tool({
      name: "refund",
      description: "Gives money back to the customer of an order.",
      parameters: z.object({ order: z.string(), cents: z.number().int() }),
      target: "bank",
      execute: refund,
    });
    const agent = new Agent({ name: "Support", model: new ScriptedModel(Array.from({ length: 8 }, () => script)), tools: [look, pay] });
    const { finalOutput } = await durable.run(agent, "Order 7 never came. I want my money back.");
    await job.checkpoint(String(finalOutput));
  });
}

/* The people around it. */

const program = path.resolve(process.env.GAIT_BIN ?? fileURLToPath(new URL("../../../gait", import.meta.url)));

/** Runs gait, and returns its answer. What was done before, and so fails again, has one of these error codes. */
function run(args: string[], { unless = [] as string[], input = "" } = {}): any {
  for (let attempt = 0; ; attempt++) {
    const { stdout, error } = spawnSync(program, [...args, "--json"], { input, encoding: "utf8" });
    if (error) throw new Error(`there is no gait: run make build, or name it in GAIT_BIN (${error.message})`);
    const answer = JSON.parse(stdout);
    if (answer.ok || unless.includes(answer.error_code)) return answer;
    if (!answer.retryable || attempt === 20) throw new Error(`gait ${args.join(" ")}: ${answer.error} (${answer.error_code})`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

function read(digest: string): any {
  return JSON.parse(spawnSync(program, ["content", "get", digest, "--id", JOB, "--out", "-"], { encoding: "utf8" }).stdout);
}

/** Does what people have to do, until the job is completed. */
async function play() {
  run(["job", "submit", "--id", JOB, "--policy", "policy.cedar", "--actor", "boss"], { unless: ["job_exists"] });
  console.log(`boss has submitted ${JOB} under policy.cedar`);
  let supervisor: ChildProcess | undefined;
  for (;;) {
    const { job } = run(["job", "status", "--id", JOB]);
    const held = job.lease && !job.lease.expired && !job.lease.ended;
    if (job.status === "completed" && (supervisor === undefined || supervisor.exitCode !== null)) return;
    if (["failed", "cancelled", "emergency_stopped"].includes(job.status)) throw new Error(`the job is ${job.status}: begin again in another directory`);
    if ((supervisor === undefined || supervisor.exitCode !== null) && !held && ["lease", "worker"].includes(job.waiting_for)) {
      const args = ["job", "run", "--id", JOB, "--lease-ttl", "5s", "--retries", "20", "--actor", "support", "--", process.execPath, fileURLToPath(import.meta.url), "--worker"];
      const log = fs.openSync("worker.log", "a");
      supervisor = spawn(program, args, { stdio: ["ignore", log, log] });
      fs.closeSync(log);
      console.log("support works on it: see worker.log");
    }
    if (job.waiting_for === "effects") findOut();
    else if (job.waiting_for === "resume") {
      run(["job", "resume", "--id", JOB, "--policy", "policy.cedar", "--actor", "boss"], { unless: ["invalid_transition"] });
      console.log("boss resumes the job");
    } else for (const decision of job.open_decisions ?? []) if (!decision.verdict) approve(decision);
    await new Promise((wake) => setTimeout(wake, 200));
  }
}

/** The reviewer is shown what is to be done, and approves it if it is right. */
function approve({ checkpoint_id, subject }: { checkpoint_id: string; subject: { digest: string } }) {
  const asked = read(subject.digest);
  console.log(`reviewer is shown: ${asked.tool} ${JSON.stringify(asked.arguments)}`);
  if (asked.tool !== "refund" || asked.arguments.order !== "7" || asked.arguments.cents !== 4200) throw new Error("reviewer does not approve that");
  const why = "the order did not arrive, and the amount is its price";
  run(["job", "approve", "--id", JOB, "--checkpoint", checkpoint_id, "--actor", "reviewer", "--reason", why], { unless: ["already_decided", "decision_not_open"] });
  console.log("reviewer approves it");
}

/** Boss says what became of grants that a killed worker has left open, by what the bank has on record. */
function findOut() {
  for (const { grant, intent } of run(["gate", "list", "--id", JOB]).grants ?? []) {
    const asked = read(intent.digest);
    const paid = asked.tool === "refund" && refunds().some((one) => one.order === asked.arguments.order);
    const outcome = paid ? ["done", "--result", "-"] : ["not_done"];
    const settle = ["gate", "settle", "--id", JOB, "--grant", grant, "--actor", "boss", "--reason", "by the file of the bank", "--outcome", ...outcome];
    run(settle, { unless: ["grant_settled"], input: paid ? JSON.stringify({ refunded: asked.arguments.cents }) : "" });
    console.log(`boss has found out: ${asked.tool} ${paid ? "was done" : "had no effect"}`);
  }
}

/** Builds a pack of the job, and verifies it, as anyone may. */
function prove(): number {
  if (!fs.existsSync("pack.zip")) run(["pack", "build", "--type", "job", "--from", JOB, "--include-content", "--out", "pack.zip"]);
  console.log(`refunds: ${JSON.stringify(refunds())}`);
  return spawnSync(program, ["pack", "verify", "pack.zip"], { stdio: "inherit" }).status ?? 1;
}

if (process.argv[2] === "--worker") {
  await worker();
} else {
  const dir = path.resolve(process.argv[2] ?? "gait-quickstart");
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  process.chdir(dir);
  for (const name of ["URL", "TOKEN_FILE", "CA", "ACTOR", "SIGN_KEY", "JOB", "LEASE", "RESUME"]) delete process.env[`GAIT_${name}`];
  Object.assign(process.env, { GAIT_ROOT: path.join(dir, "ledger"), GAIT_HOME: path.join(dir, "home"), GAIT_BIN: program });
  fs.writeFileSync("policy.cedar", POLICY);
  await play();
  process.exitCode = prove();
}
