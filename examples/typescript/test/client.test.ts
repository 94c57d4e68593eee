/** The client drives a job through the real program, a daemon's socket, and its loopback address. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { test } from "node:test";
import * as gait from "../gait.js";
import { World } from "./world.js";

type Way = (w: World) => Promise<gait.ClientOptions>;

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((ended) => server.close(ended));
  return port;
}

const ways: { [name: string]: Way } = {
  "the program": async (w) => ({ environ: w.env }),
  "the socket of a daemon": async (w) => (await w.serve(), { environ: w.env }),
  "a loopback address": async (w) => {
    const port = await freePort();
    await w.serve("--listen", `127.0.0.1:${port}`, "--token-file", w.at("token"));
    return { environ: { PATH: w.env.PATH, GAIT_BIN: "/nowhere" }, actor: "worker_1", url: `http://127.0.0.1:${port}`, tokenFile: w.at("token") };
  },
};

for (const [name, way] of Object.entries(ways)) {
  test(`a job through ${name}`, async () => {
    const w = new World();
    w.submit("job_1");
    const client = new gait.Client(await way(w));
    assert.equal((await client.submit({ jobId: "job_2", policy: w.at("policy.cedar"), labels: { team: "a" } })).status, "running");
    assert.deepEqual(w.gait(["job", "list", "--label", "team=a"]).jobs.map((job: any) => job.job_id), ["job_2"]);
    await assert.rejects(client.status("job_9"), (error: gait.Failure) => error.code === "job_not_found" && error.exit === 6);

    const job = client.job("job_1");
    const ran: unknown[] = [];
    const read = gait.tool((given: { path: string; more?: Date }) => (ran.push(given), { text: "hello", at: new Date(0), none: undefined }), { name: "read", job });
    const first = await read({ path: "a", more: undefined });
    assert.deepEqual(first, { text: "hello", at: "1970-01-01T00:00:00.000Z" });
    assert.deepEqual(await read({ path: "a" }), first, "what was done once is answered with what was recorded");
    assert.deepEqual([...ran], [{ path: "a" }]);
    await read({ path: "a" }, { callId: "call-2" });
    assert.equal(ran.length, 2, "another call of the same is made");

    await assert.rejects(read({ path: "b", more: new Date() }), (error: unknown) => error instanceof gait.Blocked && error.code === "intent_invalid");
    await assert.rejects(job.do("write", {}, () => assert.fail("it ran")), (error: unknown) => error instanceof gait.Blocked && error.code === "policy_permits_none");
    await assert.rejects(job.do("read", {}, () => assert.fail("it ran"), { callId: "a b" }), gait.Blocked);
    await assert.rejects(job.do("read", { path: "b" }, () => assert.fail("it ran"), { callId: "call-2" }), (error: unknown) => error instanceof gait.Blocked && error.code === "call_reused");

    await job.save({ step: 2, é: "é" }, "step 2", { progress: [2, 3] });
    fs.writeFileSync(w.at("report.txt"), "all is well\n");
    await job.checkpoint("a report", { attachments: [{ path: w.at("report.txt") }] });
    const { attachments } = w.events("job_1").at(-1).payload;
    assert.equal((await job.kept(attachments[0].digest)).toString(), "all is well\n");
    assert.equal(attachments[0].name, "report.txt");

    const pay = () => job.do("pay", { amount: 12 }, (given) => (ran.push(given), "paid"), { target: "bank", callId: "pay-1" });
    await assert.rejects(pay(), (error: unknown) => error instanceof gait.Waiting && error.code === "policy_requires_approval");
    await assert.rejects(pay(), (error: unknown) => error instanceof gait.Waiting && error.code === "not_running");
    w.approve("job_1");
    assert.equal(await pay(), "paid");
    assert.equal(await pay(), "paid");
    assert.equal(ran.length, 3);

    const big = "x".repeat(200_000);
    assert.equal(await job.do("read", { path: "big" }, () => big), big);
    assert.equal(await job.do("read", { path: "big" }, () => assert.fail("it ran")), big);
    assert.equal(await job.do("read", { path: "odd" }, () => 1n), undefined, "what JSON cannot keep is not kept");

    const lazily: (() => unknown)[] = [() => [1].values(), () => (function* () {})(), async () => (async function* () {})(), () => () => 1, () => ({ all: [Promise.resolve(1)] })];
    for (const [i, run] of lazily.entries()) {
      const late = w.submit(`late_${i}`) && client.job(`late_${i}`);
      await assert.rejects(late.do("read", {}, run), /before it ran/);
      assert.equal(w.events(`late_${i}`).at(-1).payload.outcome, "unknown");
    }

    await assert.rejects(job.do("read", { path: "c" }, () => Promise.reject(new Error("boom\n💥"))), /boom/);
    await assert.rejects(job.do("read", { path: "d" }, () => assert.fail("it ran")), (error: unknown) => error instanceof gait.Waiting && error.code === "effects_unsettled");
    const settled = w.events("job_1").find((event) => event.payload.outcome === "unknown");
    assert.match(settled.payload.reason, /^the tool failed: Error$/);

    const other = client.job("job_2");
    await other.complete("done");
    assert.equal((await client.status("job_2")).status, "completed");
    w.gait(["ledger", "verify"]);
  });
}

test("a worker that is killed while its tool runs does not run it again", () => {
  const w = new World();
  w.submit("job_1");
  const worker = `
    import * as fs from "node:fs";
    const gait = await import(${JSON.stringify(new URL("../gait.js", import.meta.url).href)});
    await gait.job((job) => job.do("read", {}, () => { fs.appendFileSync("ran", "ran\\n"); process.kill(process.pid, "SIGKILL"); return new Promise(() => {}); }));
  `;
  const work = () => spawnSync(process.execPath, ["--input-type=module", "-e", worker], { cwd: w.dir, env: { ...w.env, GAIT_JOB: "job_1" }, encoding: "utf8" });
  assert.equal(work().signal, "SIGKILL");
  const again = work();
  assert.equal(again.status, gait.EXIT_WAITING, again.stderr);
  assert.equal(fs.readFileSync(w.at("ran"), "utf8"), "ran\n");
});

test("a call that runs is settled before its worker ends, as another call of the job waits for a person", async () => {
  const w = new World();
  w.submit("job_1");
  fs.writeFileSync(
    w.at("worker.mjs"),
    `import * as fs from "node:fs";
    const gait = await import(${JSON.stringify(new URL("../gait.js", import.meta.url).href)});
    const running = {};
    running.now = new Promise((begin) => (running.begin = begin));
    const slow = async () => { fs.appendFileSync("notes", "read\\n"); running.begin(); await new Promise((wake) => setTimeout(wake, 2000)); return 1; };
    await gait.job(async (job) => {
      const read = job.do("read", {}, slow);
      await Promise.all([read, Promise.race([read, running.now]).then(() => job.do("pay", { amount: 1 }, () => fs.appendFileSync("notes", "paid\\n")))]);
    });`,
  );
  const run = w.spawn(["job", "run", "--id", "job_1", "--", process.execPath, "worker.mjs"]);
  const ended = new Promise((wake) => run.on("exit", wake));
  await w.until("job_1", (job) => job.status === "decision_needed" && !job.grants);
  w.approve("job_1");
  assert.equal(await ended, 0);
  assert.deepEqual(w.notes().sort(), ["paid", "read"]);
  const settled = w.events("job_1").filter((event) => event.type === "effect_settled");
  assert.deepEqual(settled.map((event) => [event.actor, event.payload.outcome]), [["worker_1", "done"], ["worker_1", "done"]]);
});

test("a lease is named, and an older one is fenced", async () => {
  const w = new World();
  w.submit("job_1");
  const { lease } = w.gait(["job", "lease", "take", "--id", "job_1"]);
  const epoch = lease?.epoch ?? 1;
  for (const way of [ways["the program"]!, ways["the socket of a daemon"]!]) {
    const client = new gait.Client(await way(w));
    await assert.rejects(client.job("job_1", epoch + 7).do("read", {}, () => assert.fail("it ran")), gait.Fenced);
    await assert.rejects(client.job("job_1", epoch + 7).checkpoint("late"), gait.Fenced);
    await client.job("job_1", epoch).checkpoint("in time");
  }
});

test("a socket without a daemon is passed by, and one of another name is not followed", async () => {
  const w = new World();
  w.submit("job_1");
  const daemon = await w.serve();
  await new Promise((ended) => daemon.on("exit", ended).kill("SIGKILL"));
  const client = new gait.Client({ environ: w.env });
  assert.equal((await client.status("job_1")).status, "running");
  assert.equal(await client.job("job_1").do("read", {}, () => 1), 1);
  const socket = path.join(w.env.GAIT_ROOT!, "gait.sock");
  fs.rmSync(socket, { force: true });
  fs.symlinkSync("/run/other.sock", socket);
  assert.equal((await client.status("job_1")).status, "running");
});

test("an actor's token is never sent", async () => {
  const w = new World();
  fs.writeFileSync(w.at("token"), `gait.local/01M8RV8PA01NF5DCG0CSQKNBTY+token+worker+worker_1+${"ab".repeat(32)}\n`, { mode: 0o600 });
  const seen: string[] = [];
  const http = await import("node:http");
  const server = http.createServer((request, response) => (seen.push(String(request.headers.authorization)), response.end("{}"))).listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const client = new gait.Client({ environ: w.env, url, tokenFile: w.at("token") });
  await assert.rejects(client.job("job_1").do("read", {}, () => assert.fail("it ran")), gait.Blocked);
  server.close();
  assert.ok(!seen.some((header) => header.includes("abab")), `what was sent: ${seen}`);
});
