/** Whatever answers in the place of gait, and however it goes wrong, the tool does not run. */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";
import * as gait from "../gait.js";

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "gait-faults-"));
after(() => fs.rmSync(dir, { recursive: true }));

const grant = "01M8RKSJF74B1GTB700M3AWXBK";
type Change = (answer: any) => unknown;

/** What an answer says, and what is wrong with it. */
const answers: { [name: string]: Change } = {
  "not ok": (a) => ({ ...a, ok: false }),
  "ok in words": (a) => ({ ...a, ok: "true" }),
  "ok is 1": (a) => ({ ...a, ok: 1 }),
  "no ok": ({ ok, ...a }) => a,
  "no verdict": ({ verdict, ...a }) => a,
  "a verdict in a list": (a) => ({ ...a, verdict: ["allow"] }),
  "an unknown verdict": (a) => ({ ...a, verdict: "permit" }),
  "a verdict in capitals": (a) => ({ ...a, verdict: "ALLOW" }),
  "block": (a) => ({ ...a, verdict: "block" }),
  "must be approved": (a) => ({ ...a, verdict: "require_approval" }),
  "no grant": ({ grant, ...a }) => a,
  "an empty grant": (a) => ({ ...a, grant: "" }),
  "a grant that is none": (a) => ({ ...a, grant: "yes" }),
  "a grant in a list": (a) => ({ ...a, grant: [grant] }),
  "another call": (a) => ({ ...a, call_id: "call_2" }),
  "no call": ({ call_id, ...a }) => a,
  "a call in a list": (a) => ({ ...a, call_id: ["call_1"] }),
  "another tool": (a) => ({ ...a, tool: "pay" }),
  "no tool": ({ tool, ...a }) => a,
  "another job": (a) => ({ ...a, job_id: "job_2", event: { ...a.event, job_id: "job_2" } }),
  "no job": ({ job_id, event, ...a }) => ({ ...a, ...(event && { event: { ...event, job_id: undefined } }) }),
  "another schema": () => ({ result: { verdict: "allow" } }),
  "an empty object": () => ({}),
  "a list": (a) => [a],
  "null": () => null,
  "true": () => true,
  "a text": () => "allow",
  "done before, of another call": (a) => ({ ...a, ok: false, verdict: "block", reason_code: "already_done", call_id: "call_2" }),
  "done before, with a result that is gone": (a) => ({ ...a, ok: false, verdict: "block", reason_code: "already_done", result: { digest: "00" } }),
};

/** The bytes of an answer, and what is wrong with them. */
const spellings: { [name: string]: (text: string) => string | Buffer } = {
  "nothing": () => "",
  "no JSON": () => "allow",
  "truncated": (text) => text.slice(0, -1),
  "truncated in a text": (text) => text.slice(0, -4),
  "two objects": (text) => text + text,
  "bytes that are no text": (text) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text)]),
  "a byte order mark": (text) => `\ufeff${text}`,
  "more than may be read": (text) => text.replace("{", `{"more":"${"x".repeat(9 << 20)}",`),
};

/** Asks for the call of a tool, and returns how often it ran and what it came to. */
async function run(options: gait.ClientOptions, callId: string | undefined = "call_1"): Promise<{ ran: number; error: unknown }> {
  let ran = 0;
  try {
    const client = new gait.Client({ timeout: 400, environ: { PATH: process.env.PATH, GAIT_ACTOR: "worker_1" }, ...options });
    await client.job("job_1").do("read", { path: "a" }, () => (ran++, "ran"), { callId });
    return { ran, error: undefined };
  } catch (error) {
    return { ran, error };
  }
}

async function refuses(options: gait.ClientOptions, callId?: string): Promise<void> {
  const { ran, error } = await run(options, callId);
  assert.equal(ran, 0, "the tool ran");
  assert.ok(error instanceof gait.Failure, `what was thrown is ${error}`);
}

/* A daemon. */

type Handler = (request: http.IncomingMessage, response: http.ServerResponse, allowed: any) => void;

let sockets = 0;

/** Returns the options of a client to whose requests to the gate the handler answers, and to all others yes. */
async function daemon(handler: Handler): Promise<{ socket: string; end: () => void }> {
  const socket = path.join(dir, `${sockets++}.sock`);
  const server = http.createServer((request, response) => {
    if (request.url === "/v1/gate") {
      const chunks: Buffer[] = [];
      request.on("data", (chunk) => chunks.push(chunk));
      return request.on("end", () => handler(request, response, { ...yes, event: { ...yes.event, request_id: JSON.parse(Buffer.concat(chunks).toString()).request_id } }));
    }
    if (request.url?.startsWith("/v1/job/contents/put")) return json(response, { digest: "00", size: 2, salt: "00" });
    return request.url?.startsWith("/v1/job/content") ? json(response, {}, 404) : json(response, { event: {}, replayed: false });
  });
  await new Promise<void>((ready) => server.listen(socket, ready));
  return { socket, end: () => (server.close(), server.closeAllConnections()) };
}

const yes = {
  ok: true,
  verdict: "allow",
  reason_code: "policy_permits",
  grant,
  call_id: "call_1",
  tool: "read",
  event: { job_id: "job_1", type: "gate_decided", payload: { verdict: "allow", grant, tool: "read", call_id: "call_1" } },
};

function json(response: http.ServerResponse, body: unknown, status = 200, headers: http.OutgoingHttpHeaders = {}): void {
  const bytes = typeof body === "string" || body instanceof Buffer ? body : JSON.stringify(body);
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(bytes), ...headers });
  response.end(bytes);
}

const handlers: { [name: string]: Handler } = {
  ...Object.fromEntries(Object.entries(answers).map(([name, change]) => [name, ((_, response, allowed) => json(response, change(structuredClone(allowed)))) as Handler])),
  ...Object.fromEntries(Object.entries(spellings).map(([name, spell]) => [name, ((_, response, allowed) => json(response, spell(JSON.stringify(allowed)))) as Handler])),
  "status 500 with an allow": (_, response, allowed) => json(response, allowed, 500),
  "status 500 without words": (_, response, allowed) => json(response, "", 500),
  "status 404 with an allow": (_, response, allowed) => json(response, allowed, 404),
  "status 201 with an allow": (_, response, allowed) => json(response, allowed, 201),
  "an allow with an error": (_, response, allowed) => json(response, { ...allowed, error: "x", error_code: "io_failure" }),
  "an allow whose event is another": (_, response, allowed) => json(response, { ...allowed, event: { ...allowed.event, type: "checkpoint_added" } }),
  "an allow whose event blocks": (_, response, allowed) => json(response, { ...allowed, event: { ...allowed.event, payload: { verdict: "block" } } }),
  "an allow without an event": (_, response, allowed) => json(response, { ...allowed, event: undefined, job_id: "job_1" }),
  "an allow of another request": (_, response, allowed) => json(response, { ...allowed, event: { ...allowed.event, request_id: "ts-0" } }),
  "an allow of no request": (_, response) => json(response, yes),
  "an allow whose event is about another tool": (_, response, allowed) => json(response, { ...allowed, event: { ...allowed.event, payload: { ...yes.event.payload, tool: "pay" } } }),
  "an allow whose event is about another call": (_, response, allowed) => json(response, { ...allowed, event: { ...allowed.event, payload: { ...yes.event.payload, call_id: "call_2" } } }),
  "an allow whose event is in a list": (_, response, allowed) => json(response, { ...allowed, event: [allowed.event] }),
  "done before, of another request": (_, response) => json(response, { ...yes, ok: false, verdict: "block", reason_code: "already_done", event: { ...yes.event, request_id: "ts-0", payload: { ...yes.event.payload, verdict: "block" } } }),
  "another media type": (_, response, allowed) => json(response, allowed, 200, { "Content-Type": "text/html" }),
  "a redirect to an allow": (request, response, allowed) => (request.url === "/v1/gate" ? json(response, allowed, 307, { Location: "/v1/yes" }) : json(response, allowed)),
  "fewer bytes than promised": (request, response, allowed) => {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": 5000 });
    response.write(JSON.stringify(allowed));
    setTimeout(() => request.socket.destroy(), 20);
  },
  "a chunk that is missing": (request, response, allowed) => {
    response.writeHead(200, { "Content-Type": "application/json" });
    response.write(JSON.stringify(allowed));
    setTimeout(() => request.socket.destroy(), 20);
  },
  "no answer in time": () => {},
  "an answer that does not end": (_, response, allowed) => {
    response.writeHead(200, { "Content-Type": "application/json" });
    response.write(JSON.stringify(allowed));
  },
  "a connection cut before the answer": (request) => request.socket.destroy(),
  "no HTTP": (request, _, allowed) => request.socket.end(JSON.stringify(allowed)),
};

test("the stand-in for a daemon can say yes", async () => {
  const { socket, end } = await daemon((_, response, allowed) => json(response, allowed));
  assert.deepEqual(await run({ socket, timeout: 20_000 }), { ran: 1, error: undefined });
  end();
});

for (const [name, handler] of Object.entries(handlers)) {
  test(`a daemon that answers: ${name}`, async () => {
    const { socket, end } = await daemon(handler);
    try {
      await refuses({ socket });
    } finally {
      end();
    }
  });
}

test("a daemon that is absent", async () => {
  await refuses({ socket: path.join(dir, "none.sock") });
  await refuses({ socket: dir });
  fs.writeFileSync(path.join(dir, "token"), "t".repeat(40));
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((ended) => server.close(ended));
  await refuses({ url: `http://127.0.0.1:${port}`, tokenFile: path.join(dir, "token") });
});

test("a call that gait was to name has another name", async () => {
  const { socket, end } = await daemon((_, response, allowed) => json(response, allowed));
  const client = new gait.Client({ socket, timeout: 400 });
  await assert.rejects(client.job("job_1").do("read", { path: "a" }, () => assert.fail("it ran")), gait.Blocked);
  end();
});

/* The program. */

const said = { ok: true, verdict: "allow", operation: "eval", reason_code: "policy_permits", job_id: "job_1", call_id: "call_1", tool: "read", grant, schema_id: "gait.gate.output", schema_version: "1.0.0" };
let programs = 0;

/** Returns the options of a client that runs a program in the place of gait. */
function program(answer: string | Buffer, end = "exit 0"): gait.ClientOptions {
  const at = path.join(dir, `program${programs++}`);
  fs.mkdirSync(at);
  fs.writeFileSync(path.join(at, "answer"), answer);
  const script = `#!/bin/sh\ncat >/dev/null\ncase "$1 $2" in "gate eval") cat ${at}/answer; ${end} ;; "content get") exit 7 ;; *) echo '{"ok":true}' ;; esac\n`;
  fs.writeFileSync(path.join(at, "gait"), script, { mode: 0o700 });
  return { gait: path.join(at, "gait"), root: at };
}

const programsThatFail: { [name: string]: () => gait.ClientOptions } = {
  ...Object.fromEntries(Object.entries(answers).map(([name, change]) => [name, () => program(JSON.stringify(change(structuredClone(said))), name.startsWith("done before") ? "exit 3" : "exit 0")])),
  ...Object.fromEntries(Object.entries(spellings).map(([name, spell]) => [name, () => program(spell(JSON.stringify(said)))])),
  ...Object.fromEntries([1, 2, 3, 4, 6, 75, 127, 130].map((exit) => [`exit ${exit} with an allow`, () => program(JSON.stringify(said), `exit ${exit}`)])),
  "an allow of another schema": () => program(JSON.stringify({ ...said, schema_id: "gait.job.output" })),
  "killed after an allow": () => program(JSON.stringify(said), "kill -9 $$"),
  "does not end after an allow": () => program(JSON.stringify(said), "exec sleep 30"),
  "is not there": () => ({ gait: path.join(dir, "none"), root: dir }),
  "is no program": () => ({ gait: dir, root: dir }),
};

test("the stand-in for the program can say yes", async () => {
  assert.deepEqual(await run({ timeout: 20_000, ...program(JSON.stringify(said)) }), { ran: 1, error: undefined });
});

for (const [name, make] of Object.entries(programsThatFail)) {
  test(`a program that answers: ${name}`, async () => {
    await refuses({ timeout: name.startsWith("does not end") ? 400 : 20_000, ...make() });
  });
}
