// An MCP client that uses a server in every way it can, and prints what came of it as one line of
// JSON a step: node proxy.mjs v1|v2 SCENARIO COMMAND... It is run by the tests of gait mcp proxy.
const [, , generation, scenario, command, ...args] = process.argv;

const { Client, StdioClientTransport } = await (generation === "v1"
  ? Promise.all([import("@modelcontextprotocol/sdk/client/index.js"), import("@modelcontextprotocol/sdk/client/stdio.js"), import("@modelcontextprotocol/sdk/types.js")])
  : Promise.all([import("@modelcontextprotocol/client"), import("@modelcontextprotocol/client/stdio")])
).then((modules) => Object.assign({}, ...modules));

const client = new Client({ name: "test", version: "1" }, { capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: { form: {} } } });
const types = generation === "v1" ? await import("@modelcontextprotocol/sdk/types.js") : null;
const handle = (method, schema, answer) => client.setRequestHandler(generation === "v1" ? types[schema] : method, answer);
handle("roots/list", "ListRootsRequestSchema", () => ({ roots: [{ uri: "file:///tmp", name: "tmp" }] }));
handle("sampling/createMessage", "CreateMessageRequestSchema", () => ({ role: "assistant", model: "none", content: { type: "text", text: "sampled" } }));
handle("elicitation/create", "ElicitRequestSchema", () => ({ action: "accept", content: { name: "Ada" } }));
if (process.env.VERBOSE) client.onerror = (e) => console.error("client:", e.message);

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
const call = (tool, parameters, options) =>
  step(tool, () => (generation === "v1" ? client.callTool({ name: tool, arguments: parameters }, undefined, options) : client.callTool({ name: tool, arguments: parameters }, options)));

const scenarios = {
  async everything() {
    await step("tools", async () => (await client.listTools()).tools.map((t) => t.name));
    await call("echo", { message: "hello" });
    await call("get-sum", { a: 1.5, b: 2 });
    await call("get-structured-content", { location: "New York" });
    await call("get-env", {});
    let progress = 0;
    await call("trigger-long-running-operation", { duration: 0.3, steps: 3 }, { onprogress: () => progress++ });
    await step("progress", async () => progress);
    await call("trigger-sampling-request", { prompt: "say it", maxTokens: 10 });
    await call("trigger-elicitation-request", {});
    await call("get-roots-list", {});
    await step("resources", async () => (await client.listResources()).resources.length > 0);
    await step("templates", async () => (await client.listResourceTemplates()).resourceTemplates.length > 0);
    await step("prompts", async () => (await client.listPrompts()).prompts.length > 0);
    await step("prompt", async () => (await client.getPrompt({ name: "simple-prompt" })).messages.length);
    await step("ping", () => client.ping());
    await step("logging", () => client.setLoggingLevel("debug"));
    await step("server", async () => Object.keys(client.getServerCapabilities()).sort());
  },
  async files() {
    const dir = process.env.DIR;
    await step("tools", async () => (await client.listTools()).tools.map((t) => t.name));
    await call("read_text_file", { path: `${dir}/a.txt` });
    await call("read_text_file", { path: `${dir}/none.txt` });
    await call("write_file", { path: `${dir}/allowed.txt`, content: "x" });
    await call("move_file", { source: `${dir}/a.txt`, destination: `${dir}/gone.txt` });
    await call("create_directory", { path: `${dir}/new` });
    await call("create_directory", { path: `${dir}/new` });
  },
  // How long calls take, in microseconds, one after the other.
  async speed() {
    const n = Number(process.env.CALLS ?? 1000);
    await client.listTools();
    const took = [];
    for (let i = 0; i < n + 20; i++) {
      const began = process.hrtime.bigint();
      const is = await client.callTool({ name: "echo", arguments: { message: String(i) } });
      const ended = process.hrtime.bigint();
      if (is.isError || is.content[0].text !== `Echo: ${i}`) throw new Error(JSON.stringify(is));
      if (i >= 20) took.push(Number(ended - began) / 1000);
    }
    took.sort((a, b) => a - b);
    await step("speed", async () => ({ calls: n, p50: Math.round(took[n >> 1]), p99: Math.round(took[Math.floor(n * 0.99)]) }));
  },
};

await client.connect(new StdioClientTransport({ command, args, env: process.env, stderr: "inherit" }));
await scenarios[scenario]();
await client.close();
