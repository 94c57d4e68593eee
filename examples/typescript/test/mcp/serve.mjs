// An MCP client that does a job with gait mcp serve, as an agent does, and prints what came of it as
// one line of JSON a step: node serve.mjs v1|v2 SCENARIO GAIT FLAGS... What a person does is done
// with gait's own commands. With MCP_URL the server is a daemon, whose token is MCP_TOKEN. It is run
// by the tests of gait mcp serve, and of gait serve --mcp.
import { execFileSync } from "node:child_process";

const [, , generation, scenario, gait, ...flags] = process.argv;
const sdk = await (generation === "v1"
  ? Promise.all(["client/index.js", "client/stdio.js", "client/streamableHttp.js", "types.js"].map((name) => import(`@modelcontextprotocol/sdk/${name}`)))
  : Promise.all([import("@modelcontextprotocol/client"), import("@modelcontextprotocol/client/stdio")])
).then((modules) => Object.assign({}, ...modules));

const step = async (name, work) => {
  let is;
  try {
    is = { result: await work() };
  } catch (e) {
    is = { error: e.message };
  }
  console.log(JSON.stringify({ step: name, ...is }));
  return is.result;
};

const person = (...args) => execFileSync(gait, args, { encoding: "utf8" });

const info = { name: "test", version: "1" };
const capabilities = { elicitation: { url: {} } };
const shown = [];

// begin starts a server, and returns a client of it.
async function begin() {
  const options = { capabilities };
  if (generation === "v2") options.versionNegotiation = { mode: { pin: "2026-07-28" } };
  const client = new sdk.Client(info, options);
  if (scenario !== "tasks") {
    client.setRequestHandler(generation === "v1" ? sdk.ElicitRequestSchema : "elicitation/create", ({ params }) => {
      shown.push(params);
      return { action: "accept" };
    });
  }
  if (process.env.MCP_URL) {
    const headers = { Authorization: `Bearer ${process.env.MCP_TOKEN}` };
    const transport = new sdk.StreamableHTTPClientTransport(new URL(process.env.MCP_URL), { requestInit: { headers } });
    await client.connect(transport);
    return { client, transport };
  }
  const transport = new sdk.StdioClientTransport({ command: gait, args: ["mcp", "serve", ...flags], env: process.env, stderr: "inherit" });
  await client.connect(transport);
  return { client, transport };
}

const fieldsOf = (is) => ({ isError: is.isError ?? false, ...is.structuredContent, text: is.content.map((c) => c.text).join("\n") });

const scenarios = {
  // A job from its submission to its end.
  async job() {
    const { client } = await begin();
    const call = (name, tool, parameters) => step(name, async () => fieldsOf(await client.callTool({ name: tool, arguments: parameters })));
    await step("tools", async () => (await client.listTools()).tools.map((t) => t.name).sort());
    await call("submit", "job_submit", { job_id: "j1", labels: { queue: "a" }, input: { n: 1 } });
    await call("checkpoint", "checkpoint_add", { job_id: "j1", summary: "half", progress: { done: 1, total: 2 } });
    const read = await call("allowed", "gate_check", { job_id: "j1", tool: "read", arguments: { path: "a" }, call_id: "c1" });
    await call("settled", "effect_settle", { job_id: "j1", grant: read.grant, result: { bytes: 1 } });
    await call("done", "gate_check", { job_id: "j1", tool: "read", arguments: { path: "a" }, call_id: "c1" });
    await call("forbidden", "gate_check", { job_id: "j1", tool: "drop", arguments: {} });
    await call("asked", "gate_check", { job_id: "j1", tool: "pay", arguments: { amount: 5 }, once: true });
    await step("shown", async () => shown.splice(0));
    await call("waits", "gate_check", { job_id: "j1", tool: "pay", arguments: { amount: 5 }, once: true });
    person("job", "approve", "--id", "j1", "--checkpoint", "cp_0002", "--actor", "boss");
    person("job", "resume", "--id", "j1", "--policy", process.env.POLICY, "--actor", "boss");
    const paid = await call("approved", "gate_check", { job_id: "j1", tool: "pay", arguments: { amount: 5 }, once: true });
    await call("settled again", "effect_settle", { job_id: "j1", grant: paid.grant });
    await call("decision", "ask_decision", { job_id: "j1", summary: "may it end?", action: "say so" });
    await step("shown again", async () => shown.splice(0));
    await call("too early", "job_complete", { job_id: "j1", summary: "ended" });
    person("job", "approve", "--id", "j1", "--checkpoint", "cp_0003", "--actor", "boss");
    person("job", "resume", "--id", "j1", "--policy", process.env.POLICY, "--actor", "boss");
    await call("completed", "job_complete", { job_id: "j1", summary: "ended" });
    await call("status", "job_status", { job_id: "j1" });
    await step("templates", async () => (await client.listResourceTemplates()).resourceTemplates.map((t) => t.uriTemplate).sort());
    await step("resource", async () => JSON.parse((await client.readResource({ uri: "gait://jobs/j1" })).contents[0].text).status);
    await step("events", async () => (await client.readResource({ uri: "gait://jobs/j1/events" })).contents[0].text.trim().split("\n").length);
    await step("no tool", async () => fieldsOf(await client.callTool({ name: "job_approve", arguments: { job_id: "j1" } })));
    await client.close();
  },

  // Jobs as tasks, with the server killed in between.
  async tasks() {
    const { createTaskSessionFromClient } = await import("@modelcontextprotocol/ext-tasks/client");
    const open = async () => {
      const { client, transport } = await begin();
      let n = 0;
      const pending = new Map();
      const within = transport.onmessage;
      transport.onmessage = (message, extra) => {
        const answered = pending.get(message.id);
        if (!answered) return within(message, extra);
        pending.delete(message.id);
        answered("error" in message ? { kind: "error", error: message.error } : { kind: "result", result: message.result });
      };
      const rawDispatch = (request) =>
        new Promise((answered, failed) => {
          const id = `raw-${n++}`;
          pending.set(id, answered);
          transport.send({ jsonrpc: "2.0", id, ...request }).catch(failed);
        });
      const session = createTaskSessionFromClient(client, {
        endpointId: "gait",
        rawDispatch,
        v2RequestFraming: { protocolVersion: "2026-07-28", clientInfo: info, clientCapabilities: capabilities },
        onInputRequest: async (request, context) => {
          shown.push({ key: context.inputId, ...request.params });
          return { action: "accept" };
        },
      });
      return { session, rawDispatch, kill: () => process.kill(transport.pid, "SIGKILL") };
    };
    const outcomeOf = ({ outcome }) => ({ status: outcome.status, isError: outcome.result?.isError ?? false, code: outcome.error?.code, fields: outcome.result?.structuredContent });

    let at = await open();
    const begun = await at.session.callTool("job_submit", { job_id: "t1" });
    const reference = begun.serializeReference();
    await step("begun", async () => ({ kind: begun.kind, id: reference.taskId, ...(await at.session.task("t1").snapshot()) }));
    at.kill();

    person("job", "checkpoint", "add", "--id", "t1", "--type", "decision-needed", "--summary", "may it go on?", "--required-action", "say so", "--actor", "agent");
    at = await open();
    const resumed = await at.session.resumeTask(reference);
    const states = [];
    for await (const event of resumed.updates()) {
      if (event.type !== "task") continue;
      states.push(event.task.status);
      if (event.task.status === "input_required" && shown.length === 1) break;
    }
    await step("input_required", async () => shown.splice(0));
    await step("still", async () => (await at.session.task("t1").snapshot()).status);
    at.kill();

    person("job", "approve", "--id", "t1", "--checkpoint", "cp_0001", "--actor", "boss");
    person("job", "resume", "--id", "t1", "--policy", process.env.POLICY, "--actor", "boss");
    at = await open();
    await step("working", async () => (await at.session.task("t1").snapshot()).status);
    person("job", "checkpoint", "add", "--id", "t1", "--type", "completed", "--summary", "all done", "--actor", "agent");
    await step("completed", async () => outcomeOf(await (await at.session.resumeTask(reference)).settle()));

    const failing = await at.session.callTool("job_submit", { job_id: "t2" });
    person("job", "checkpoint", "add", "--id", "t2", "--type", "failed", "--summary", "it broke", "--actor", "agent");
    await step("failed job", async () => outcomeOf(await failing.settle()));
    const stopped = await at.session.callTool("job_submit", { job_id: "t3" });
    person("job", "stop", "--id", "t3", "--actor", "boss", "--reason", "wrong place");
    await step("stopped", async () => outcomeOf(await stopped.settle()));
    const cancelled = await at.session.callTool("job_submit", { job_id: "t4" });
    await cancelled.cancel();
    await step("cancelled", async () => outcomeOf(await cancelled.settle()));
    person("job", "submit", "--id", "t5", "--actor", "boss");
    await step("another's", () => at.session.task("t5").snapshot());
    await step("cancel another's", () => at.session.task("t5").cancel());
    await step("none", () => at.session.task("nosuch").snapshot());
    await step("undeclared", () =>
      at.rawDispatch({
        method: "tasks/get",
        params: {
          taskId: "t1",
          _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": info, "io.modelcontextprotocol/clientCapabilities": capabilities },
        },
      }),
    );
    await step("undeclared submit", () =>
      at.rawDispatch({
        method: "tools/call",
        params: {
          name: "job_submit",
          arguments: { job_id: "t6" },
          _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": info, "io.modelcontextprotocol/clientCapabilities": capabilities },
        },
      }),
    );
    at.kill();
    process.exit(0);
  },
};

await scenarios[scenario]();
