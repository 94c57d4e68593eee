/** The ways to gait: a daemon at its socket or at a loopback address, and the program. */

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import * as os from "node:os";
import * as path from "node:path";
import { inspect } from "node:util";
import { Blocked, Failure, encode, failed, isObject, text, type Answer, type Reply } from "./failure.js";

export type Environ = { [name: string]: string | undefined };
export type Question = { job: string; lease?: number; tool: string; intent: string; callId?: string; requestId: string };
export type Step = { job: string; lease?: number; type: string; summary: string; progress?: [number, number]; action?: string; subject?: string; state?: string; attachments: Attachment[] };
export type Ending = { job: string; lease?: number; grant: string; outcome: "done" | "unknown"; reason?: string; result?: string };

/** A file to keep with a checkpoint. */
export type Attachment = { path: string; role?: "artifact" | "log" | "state" };

const MAX_ANSWER = 8 << 20;
const MAX_CONTENT = (64 << 20) + 16;

/** What a Client may be told. All of it may be left out. */
export type ClientOptions = {
  /** The directory of the ledger; GAIT_ROOT, or else ./gait-out/jobs. */
  root?: string;
  /** The address of a daemon, such as http://127.0.0.1:7070; GAIT_URL. */
  url?: string;
  /** The file of its token: the one of gait serve --token-file, or one that gait serve token add made; GAIT_TOKEN_FILE. */
  tokenFile?: string;
  /** Who acts; GAIT_ACTOR, or else the login name. */
  actor?: string;
  /** The socket of a daemon. */
  socket?: string;
  /** The program; GAIT_BIN, or else gait. */
  gait?: string;
  /** How long one request may take, in milliseconds: 30000. */
  timeout?: number;
  /** The environment: that of the process. */
  environ?: Environ;
};

/** What a job may be submitted with. A policy is the path of a file, and for operators to choose. */
export type Submission = { jobId?: string; policy?: string; labels?: { [key: string]: string }; requestId?: string };

/** A way to gait. */
export interface Way {
  readonly actor: string;
  readonly timeout: number;
  gate(question: Question): Promise<Reply>;
  checkpoint(step: Step, requestId: string): Promise<Reply>;
  settle(ending: Ending, requestId: string): Promise<Reply>;
  submit(what: Submission): Promise<Reply>;
  status(job: string): Promise<Reply>;
  kept(job: string, digest: string): Promise<Buffer>;
}

/** Returns the way that the options, or else the environment, name. */
export function wayOf(options: ClientOptions): Way {
  const given = options.environ ?? process.env;
  const environ: Environ = { ...given };
  const timeout = options.timeout ?? 30_000;
  const actor = options.actor ?? given.GAIT_ACTOR;
  if (actor) environ.GAIT_ACTOR = actor;
  const url = options.url ?? (options.root || options.socket ? undefined : given.GAIT_URL);
  if (url) {
    environ.GAIT_URL = url;
    delete environ.GAIT_ROOT;
  } else {
    delete environ.GAIT_URL;
    if (options.root) environ.GAIT_ROOT = options.root;
  }
  if (options.tokenFile) environ.GAIT_TOKEN_FILE = options.tokenFile;
  const program = new Program(options.gait ?? (given.GAIT_BIN || "gait"), environ, timeout);
  const signs = Boolean(given.GAIT_SIGN_KEY) || given.GAIT_DAEMON === "never";
  const name = actor ?? `os:${os.userInfo().username}`;
  if (options.socket) return new Daemon({ socketPath: options.socket }, name, timeout);
  if (url) return (!signs && bearer(url, environ.GAIT_TOKEN_FILE, name, timeout)) || program;
  if (signs) return program;
  const root = environ.GAIT_ROOT || path.join("gait-out", "jobs");
  return new Either(() => socketIn(root), program, name, timeout);
}

/** Returns the way to a daemon whose token may be sent: at a loopback address, and not an actor's own. */
function bearer(url: string, tokenFile: string | undefined, actor: string, timeout: number): Daemon | undefined {
  const at = new URL(url);
  if (at.protocol !== "http:" || !["127.0.0.1", "[::1]", "localhost"].includes(at.hostname) || !tokenFile) return undefined;
  const token = fs.readFileSync(tokenFile, "utf8").trim();
  if (token.includes("+token+")) return undefined; // it is an actor's own, which is proved, and never sent
  return new Daemon({ host: at.hostname.replace(/^\[|\]$/g, ""), port: at.port || 80, headers: { Authorization: `Bearer ${token}` } }, actor, timeout);
}

/** Returns the socket of the daemon of a root, which this user's own processes alone can make. */
function socketIn(root: string): string | undefined {
  try {
    const name = path.join(fs.realpathSync(root), "gait.sock");
    const link = fs.lstatSync(name);
    if (link.uid !== process.getuid?.()) return undefined;
    if (!link.isSymbolicLink()) return link.isSocket() ? name : undefined;
    const target = fs.readlinkSync(name);
    const there = fs.lstatSync(target);
    return path.isAbsolute(target) && /^[0-9a-f]{32}\.sock$/.test(path.basename(target)) && there.isSocket() && there.uid === process.getuid?.() ? target : undefined;
  } catch {
    return undefined;
  }
}

/** A daemon, over HTTP. */
class Daemon implements Way {
  constructor(
    readonly at: http.RequestOptions,
    readonly actor: string,
    readonly timeout: number,
  ) {}

  async gate(q: Question): Promise<Reply> {
    const named = q.callId === undefined ? { once: true } : { call_id: q.callId };
    const rest = encode({ job_id: q.job, actor: this.actor, tool: q.tool, lease: q.lease, request_id: q.requestId, timeout_ms: this.#patience(), ...named });
    const { status, answer } = await this.#json("POST", "/v1/gate", `${rest.slice(0, -1)},"intent":${q.intent}}`); // the intent goes as it was written
    const event = isObject(answer.event) ? answer.event : {};
    const payload = isObject(event.payload) ? event.payload : {};
    const written = event.type === "gate_decided" && event.request_id === q.requestId && ["verdict", "grant", "tool", "call_id"].every((name) => payload[name] === answer[name]);
    const exit = answer.verdict === "allow" ? (status === 200 && written && answer.error_code === undefined ? 0 : 3) : answer.verdict === "require_approval" && status === 200 ? 4 : 3;
    return { exit, answer: { ...answer, job_id: written ? event.job_id : undefined } }; // only what is written about this very request is about this job
  }

  async checkpoint(s: Step, requestId: string): Promise<Reply> {
    const put = async (bytes: string | Buffer, more: object) => ({ ...(await this.#keep(s.job, bytes)), ...more });
    const attachments = [];
    for (const a of s.attachments) attachments.push(await put(fs.readFileSync(a.path), { name: path.basename(a.path), role: a.role ?? "artifact" }));
    if (s.state !== undefined) attachments.push(await put(s.state, { media_type: "application/json", role: "state" }));
    return this.#command("checkpoint add", s, requestId, {
      type: s.type,
      summary: s.summary,
      required_action: s.action,
      subject: s.subject === undefined ? undefined : await put(s.subject, { media_type: "application/json" }),
      attachments: attachments.length > 0 ? attachments : undefined,
      progress: s.progress && { done: s.progress[0], total: s.progress[1] },
    });
  }

  async settle(e: Ending, requestId: string): Promise<Reply> {
    const result = e.result === undefined ? undefined : { ...(await this.#keep(e.job, e.result)), media_type: "application/json" };
    return this.#command("gate settle", e, requestId, { grant: e.grant, outcome: e.outcome, result }, e.reason);
  }

  async submit(what: Submission): Promise<Reply> {
    let policy: string | undefined;
    if (what.policy !== undefined) {
      const put = await this.#json("POST", "/v1/policies/put", fs.readFileSync(what.policy), "text/plain");
      if (put.status !== 200) return commanded(put);
      policy = text(put.answer.digest);
    }
    const labels = what.labels && Object.entries(what.labels).map(([key, value]) => ({ key, value }));
    return this.#command("submit", { job: what.jobId }, what.requestId ?? requestId(), { labels, policy_digest: policy });
  }

  async status(job: string): Promise<Reply> {
    return commanded(await this.#json("GET", `/v1/job?id=${encodeURIComponent(job)}`));
  }

  async kept(job: string, digest: string): Promise<Buffer> {
    const { status, bytes } = await this.#send("GET", `/v1/job/content?id=${encodeURIComponent(job)}&digest=${encodeURIComponent(digest)}`, undefined, undefined, MAX_CONTENT);
    if (status !== 200 || bytes.length < 16) throw new Failure({ error: `content ${digest} cannot be read`, error_code: "content_missing" }, 7);
    return bytes.subarray(16); // its salt is before it
  }

  async #keep(job: string, bytes: string | Buffer): Promise<Answer> {
    const put = await this.#json("POST", `/v1/job/contents/put?id=${encodeURIComponent(job)}`, bytes, "application/octet-stream");
    if (put.status !== 200) throw failed(commanded(put), Failure);
    return { digest: put.answer.digest, size: put.answer.size };
  }

  async #command(verb: string, about: { job?: string; lease?: number }, requestId: string, given: object, reason?: string): Promise<Reply> {
    const message = { verb, job_id: about.job, actor: this.actor, lease: about.lease, request_id: requestId, reason, timeout_ms: this.#patience(), arguments: given };
    return commanded(await this.#json("POST", "/v1/commands", encode(message)));
  }

  /** How long the daemon may keep a command waiting, so that it does nothing after this client has given up. */
  #patience(): number {
    return Math.max(1, Math.min(600_000, Math.floor(this.timeout * 0.9)));
  }

  async #json(method: string, where: string, body?: string | Buffer, type = "application/json"): Promise<{ status: number; answer: Answer }> {
    try {
      const { status, bytes, media } = await this.#send(method, where, body, type, MAX_ANSWER);
      return { status, answer: /^application\/json\b/.test(media) ? parse(bytes) : unreadable() };
    } catch (error) {
      const failure = error as NodeJS.ErrnoException;
      const unsent = failure.syscall === "connect";
      const code = failure.code === "TIMEOUT" ? "deadline_exceeded" : unsent ? "daemon_unreachable" : "outcome_unknown";
      return { status: 0, answer: { error: `the daemon: ${failure.message}`, error_code: code, unsent } };
    }
  }

  #send(method: string, where: string, body: string | Buffer | undefined, type: string | undefined, most: number): Promise<{ status: number; bytes: Buffer; media: string }> {
    return new Promise((resolve, reject) => {
      const headers = { Host: "gait", ...this.at.headers, ...(body === undefined ? {} : { "Content-Type": type, "Content-Length": Buffer.byteLength(body) }) } as http.OutgoingHttpHeaders;
      if (this.at.host) delete headers.Host;
      const request = http.request({ ...this.at, method, path: where, headers, agent: false });
      const late = setTimeout(() => request.destroy(Object.assign(new Error("no answer in time"), { code: "TIMEOUT" })), this.timeout);
      const end = <T>(settle: (value: T) => void) => (value: T) => (clearTimeout(late), settle(value));
      request.on("error", end(reject));
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > most) request.destroy(new Error("the answer is too long"));
          else chunks.push(chunk);
        });
        response.on("error", end(reject));
        response.on("close", () => {
          if (!response.complete) end(reject)(new Error("the answer broke off"));
        });
        response.on("end", () => {
          if (response.complete) end(resolve)({ status: response.statusCode ?? 0, bytes: Buffer.concat(chunks), media: response.headers["content-type"] ?? "" });
        });
      });
      request.end(body);
    });
  }
}

/** The program gait, run for each command. */
class Program implements Way {
  constructor(
    readonly name: string,
    readonly environ: Environ,
    readonly timeout: number,
  ) {}

  get actor(): string {
    return this.environ.GAIT_ACTOR ?? `os:${os.userInfo().username}`;
  }

  async gate(q: Question): Promise<Reply> {
    const named = q.callId === undefined ? ["--once"] : [`--call-id=${q.callId}`];
    const reply = await this.#run(["gate", "eval", `--id=${q.job}`, `--tool=${q.tool}`, "--intent=-", ...named], q, q.intent);
    return reply.exit === 0 && reply.answer.schema_id !== "gait.gate.output" ? { exit: 3, answer: unreadable() } : reply;
  }

  checkpoint(s: Step, requestId: string): Promise<Reply> {
    const args = ["job", "checkpoint", "add", `--id=${s.job}`, `--type=${s.type}`, `--summary=${s.summary}`, `--request-id=${requestId}`];
    if (s.progress) args.push(`--progress=${s.progress[0]}/${s.progress[1]}`);
    if (s.action !== undefined) args.push(`--required-action=${s.action}`);
    if (s.subject !== undefined) args.push("--subject=-");
    if (s.state !== undefined) args.push("--state=-");
    for (const a of s.attachments) args.push(`--attach=${a.path}:${a.role ?? "artifact"}`);
    return this.#run(args, s, s.subject ?? s.state);
  }

  settle(e: Ending, requestId: string): Promise<Reply> {
    const args = ["gate", "settle", `--id=${e.job}`, `--grant=${e.grant}`, `--outcome=${e.outcome}`, `--request-id=${requestId}`];
    if (e.reason !== undefined) args.push(`--reason=${e.reason}`);
    if (e.result !== undefined) args.push("--result=-");
    return this.#run(args, e, e.result);
  }

  submit(what: Submission): Promise<Reply> {
    const args = ["job", "submit", `--request-id=${what.requestId ?? requestId()}`];
    if (what.jobId !== undefined) args.push(`--id=${what.jobId}`);
    if (what.policy !== undefined) args.push(`--policy=${what.policy}`);
    for (const [key, value] of Object.entries(what.labels ?? {})) args.push(`--label=${key}=${value}`);
    return this.#run(args, {});
  }

  status(job: string): Promise<Reply> {
    return this.#run(["job", "status", `--id=${job}`], {});
  }

  async kept(job: string, digest: string): Promise<Buffer> {
    const { exit, bytes } = await this.#start(["content", "get", `--id=${job}`, "--out=-", "--", digest], {}, "", MAX_CONTENT);
    if (exit !== 0) throw new Failure({ error: `content ${digest} cannot be read`, error_code: "content_missing" }, exit);
    return bytes;
  }

  async #run(args: string[], about: { lease?: number }, stdin = ""): Promise<Reply> {
    try {
      const { exit, bytes } = await this.#start([...args, "--json"], about, stdin, MAX_ANSWER);
      return { exit, answer: parse(bytes) };
    } catch (error) {
      return { exit: 1, answer: { error: `gait: ${(error as Error).message}`, error_code: "internal_failure" } };
    }
  }

  #start(args: string[], about: { lease?: number }, stdin: string, most: number): Promise<{ exit: number; bytes: Buffer }> {
    return new Promise((resolve, reject) => {
      const env: NodeJS.ProcessEnv = { ...this.environ };
      if (about.lease !== undefined) env.GAIT_LEASE = String(about.lease);
      const child = spawn(this.name, args, { env, stdio: ["pipe", "pipe", "inherit"] });
      const late = setTimeout(() => give("no answer in time"), this.timeout);
      const give = (why: string) => (child.kill("SIGKILL"), clearTimeout(late), reject(new Error(why)));
      const chunks: Buffer[] = [];
      let size = 0;
      child.on("error", (error) => give(error.message));
      child.stdout.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > most) give("the answer is too long");
        else chunks.push(chunk);
      });
      child.on("close", (exit) => (clearTimeout(late), resolve({ exit: exit ?? 130, bytes: Buffer.concat(chunks) })));
      child.stdin.on("error", () => {}); // it ended before it had read everything, and its exit code says why
      child.stdin.end(stdin);
    });
  }
}

/** The daemon of a root as long as there is one, and else the program. */
class Either implements Way {
  constructor(
    readonly socket: () => string | undefined,
    readonly program: Program,
    readonly actor: string,
    readonly timeout: number,
  ) {}

  async #first<T>(run: (way: Way) => Promise<T>): Promise<T> {
    const socketPath = this.socket();
    if (socketPath === undefined) return run(this.program);
    let reply: T;
    try {
      reply = await run(new Daemon({ socketPath }, this.actor, this.timeout));
    } catch (error) {
      if ((error as { syscall?: string }).syscall !== "connect" && !(error instanceof Failure && error.answer.unsent)) throw error;
      return run(this.program);
    }
    return (reply as Partial<Reply>).answer?.unsent === true ? run(this.program) : reply; // it is gone, and its socket is not
  }

  gate = (question: Question) => this.#first((way) => way.gate(question));
  checkpoint = (step: Step, requestId: string) => this.#first((way) => way.checkpoint(step, requestId));
  settle = (ending: Ending, requestId: string) => this.#first((way) => way.settle(ending, requestId));
  submit = (what: Submission) => this.#first((way) => way.submit(what));
  status = (job: string) => this.#first((way) => way.status(job));
  kept = (job: string, digest: string) => this.#first((way) => way.kept(job, digest));
}

function commanded({ status, answer }: { status: number; answer: Answer }): Reply {
  const done = status === 200 && answer.error_code === undefined;
  return { exit: done ? 0 : Number.isInteger(answer.exit) && answer.exit > 0 ? answer.exit : 1, answer };
}

function parse(bytes: Buffer): Answer {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return isObject(value) ? value : unreadable();
  } catch {
    return unreadable();
  }
}

function unreadable(): Answer {
  return { error: "gait said nothing that can be read", error_code: "internal_failure" };
}

/** Returns a new id, under which a command is carried out once. */
export function requestId(): string {
  return `ts-${randomUUID()}`;
}

/** Returns the intent as JSON. What JSON would keep as something else, such as a Date or NaN, is refused: the tool runs on what was asked. */
export function encodeIntent(tool: string, given: object, target: string | undefined): string {
  try {
    if (!isObject(given)) throw new TypeError("the arguments of a tool are an object");
    checkPlain(given, 0);
    return encode({ tool, arguments: given, target });
  } catch (error) {
    throw new Blocked({ error: (error as Error).message, reason_code: "intent_invalid" }, 3);
  }
}

function checkPlain(value: unknown, depth: number): void {
  if (depth > 64) throw new TypeError("the arguments are nested too deep");
  if (value === null || typeof value === "boolean" || typeof value === "string" || (typeof value === "number" && Number.isFinite(value))) return;
  if (Array.isArray(value)) return Array.from(value).forEach((element) => checkPlain(element, depth + 1));
  const prototype = isObject(value) ? Object.getPrototypeOf(value) : undefined;
  if (!isObject(value) || (prototype !== null && Object.getPrototypeOf(prototype) !== null) || typeof value.toJSON === "function") throw new TypeError(`${inspect(value, { depth: 0 })} is no value of JSON`);
  for (const name of Object.keys(value)) if (value[name] !== undefined) checkPlain(value[name], depth + 1);
}
