/**
 * A client of gait for workers in TypeScript, which uses nothing but Node.js (20 or newer). Copy this
 * file, ways.ts and failure.ts beside your worker.
 *
 *     import * as gait from "./gait.js";
 *
 *     await gait.job(async (job) => {
 *       const todo = (job.state as { step: number }) ?? { step: 0 };
 *       while (todo.step < 14) {
 *         await job.do("book.post", { step: todo.step }, post); // once, whatever is killed
 *         todo.step += 1;
 *         await job.save(todo, `step ${todo.step}`, { progress: [todo.step, 14] });
 *       }
 *     });
 *
 * Run it under a supervisor, which gives it a lease and starts it again when it is killed:
 *
 *     gait job run --id job_1 --policy policy.cedar -- node worker.js
 *
 * All errors are a Failure, and whatever goes wrong, nothing is allowed: a tool runs only after a
 * whole answer that says so about this very call of this very job. The client makes no digest and
 * no canonical form, and can neither approve nor resume: that is for gait, and for people.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import * as fs from "node:fs";
import { Blocked, Denied, Failure, Fenced, Waiting, because, blocked, encode, failed, failureOf, isObject, isUnfinished, text, tryEncode, words, type Answer, type Reply } from "./failure.js";
import { encodeIntent, requestId, wayOf, type Attachment, type ClientOptions, type Ending, type Environ, type Question, type Step, type Submission, type Way } from "./ways.js";

export { Blocked, Denied, Failure, Fenced, Waiting, failureOf, words, type Answer } from "./failure.js";
export { type Attachment, type ClientOptions, type Submission } from "./ways.js";

/** With this exit code a worker waits for a person: it is started again when the job goes on. */
export const EXIT_WAITING = 75;

/** The arguments of a tool: an object that JSON keeps as it is. */
export type Arguments = object;

const RETRIED = new Set(["state_contention", "state_conflict", "outcome_unknown", "daemon_unreachable", "daemon_stopping", "busy", "lock_timeout"]);

/**
 * One actor at one ledger. It speaks to a daemon at the socket in the root, or at a loopback address
 * with the token of gait serve --token-file; and if there is none, if commands are signed, or if the
 * token is an actor's own, it runs the program gait for each command.
 */
export class Client {
  readonly actor: string;
  readonly timeout: number;
  readonly #way: Way;

  constructor(options: ClientOptions = {}) {
    this.#way = wayOf(options);
    this.actor = this.#way.actor;
    this.timeout = this.#way.timeout;
  }

  /** Submits a job, and returns its status. */
  async submit(what: Submission = {}): Promise<Answer> {
    const id = what.requestId ?? requestId();
    return (await this.once((request) => this.#way.submit({ ...what, requestId: request }), id)).job ?? {};
  }

  /** Returns a job's status. */
  async status(jobId: string): Promise<Answer> {
    const reply = await this.#way.status(jobId);
    const job = reply.answer.job;
    if (reply.exit !== 0 || !isObject(job) || job.job_id !== jobId) throw failed(reply, Failure);
    return job;
  }

  /** Returns a job to act for, under the lease of an epoch if it has one. */
  job(jobId: string, lease?: number): Job {
    return new Job(this, jobId, { lease });
  }

  /** Asks the gate: an answer that proves no allow of this very call has another exit than 0. */
  ask(question: Question): Promise<Reply> {
    return this.again(() => this.#way.gate(question), 4);
  }

  /** Records a checkpoint. */
  record(step: Step): Promise<Answer> {
    return this.once((request) => this.#way.checkpoint(step, request));
  }

  /** Says what became of a grant. */
  end(ending: Ending): Promise<Answer> {
    return this.once((request) => this.#way.settle(ending, request));
  }

  /** Returns the bytes of content of a job. */
  kept(jobId: string, digest: string): Promise<Buffer> {
    return this.#way.kept(jobId, digest);
  }

  /** Carries a command out once, however often it has to be tried. */
  private async once(run: (request: string) => Promise<Reply>, request = requestId()): Promise<Answer> {
    const reply = await this.again(() => run(request), 8);
    if (reply.exit !== 0) throw failed(reply, Failure);
    return reply.answer;
  }

  private async again(run: () => Promise<Reply>, most: number): Promise<Reply> {
    const end = Date.now() + this.timeout;
    for (let attempt = 1; ; attempt++) {
      const reply = await run().catch((error: unknown) => {
        if (error instanceof Failure) return { exit: error.exit, answer: error.answer };
        throw error;
      });
      const worth = reply.answer.retryable === true || RETRIED.has(text(reply.answer.reason_code) || text(reply.answer.error_code));
      if (reply.exit === 0 || !worth || attempt === most || Date.now() > end) return reply;
      await new Promise((wake) => setTimeout(wake, Math.min(2000, 25 * 2 ** attempt)));
    }
  }
}

/** A call of a tool: allowed now, or done before. */
export class Call {
  /** What the tool returned: set it before the call is settled. Of a call that was done before, what was recorded. */
  result: any = undefined;
  settled = false;

  constructor(
    readonly tool: string,
    /** What the tool is run with: exactly what was asked for. */
    readonly given: any,
    readonly callId: string,
    readonly grant: string | undefined,
    /** It was done before, and is not to be done again. */
    readonly done: boolean,
  ) {}
}

/** How a call is asked for. Without callId, the job does what is asked for once in its life. */
export type CallOptions = { target?: string; callId?: string };

/** A job, and what its supervisor says about it. */
export class Job {
  /** All that GAIT_RESUME says: attempt, reason, decisions, grants and more. */
  readonly resume: Answer;
  readonly lease: number | undefined;
  readonly attempt: number;
  /** What save was given last, or null. */
  state: any;
  /** The path of the file that the job was submitted with, if there is one. */
  readonly input: string | undefined;
  readonly #answered = new Set<string>();

  constructor(
    readonly client: Client,
    readonly id: string,
    about: { lease?: number; resume?: Answer } = {},
  ) {
    this.resume = about.resume ?? {};
    if (about.resume && (this.resume.schema_id !== "gait.job.resume" || this.resume.job_id !== id)) throw new Error(`GAIT_RESUME is not about job ${id}`);
    this.lease = about.lease;
    this.attempt = this.resume.attempt ?? 1;
    this.state = readKept(this.resume.state);
    this.input = this.resume.input?.path;
  }

  /** Returns the job that a supervisor has leased to this process. */
  static leased(environ: Environ = process.env, client = new Client({ environ })): Job {
    if (!environ.GAIT_JOB) throw new Error("GAIT_JOB is not set: run this under gait job run or gait work");
    const resume = environ.GAIT_RESUME ? JSON.parse(fs.readFileSync(environ.GAIT_RESUME, "utf8")) : undefined;
    return new Job(client, environ.GAIT_JOB, { lease: environ.GAIT_LEASE ? Number(environ.GAIT_LEASE) : undefined, resume });
  }

  /** Records how far the job is. With state, any value of JSON, a later attempt finds it. */
  async checkpoint(summary: string, options: { type?: string; progress?: [number, number]; state?: unknown; attachments?: Attachment[] } = {}): Promise<Answer> {
    const { type = "progress", progress, state, attachments = [] } = options;
    return this.client.record({ job: this.id, lease: this.lease, type, summary, progress, attachments, state: state === undefined ? undefined : encode(state) });
  }

  /** Keeps the state, so that a later attempt begins with it. */
  async save(state: unknown, summary: string, options: { progress?: [number, number] } = {}): Promise<Answer> {
    const answer = await this.checkpoint(summary, { ...options, state });
    this.state = state;
    return answer;
  }

  /** Completes the job. Under a supervisor, ending with exit 0 does. */
  complete(summary: string): Promise<Answer> {
    return this.checkpoint(summary, { type: "completed" });
  }

  /** Ends the job as failed. */
  fail(summary: string): Promise<Answer> {
    return this.checkpoint(summary, { type: "failed" });
  }

  /**
   * Returns the decision of a person about a subject, any value of JSON.
   *
   * The first time it asks, and throws Waiting. When the job goes on, the worker is started again and
   * asks the same again, with the same subject: then it gets the decision, whose subject is what was
   * approved, amended or not. A decision about another subject does not count, and one decision answers
   * one ask of an attempt. It throws Denied if that is what it was.
   */
  async ask(action: string, summary: string, subject?: unknown): Promise<Answer> {
    for (const decision of [...(this.resume.decisions ?? [])].reverse()) {
      const same = decision.summary === summary && decision.required_action === action && !this.#answered.has(decision.checkpoint_id);
      if (!same || !isAbout(decision.subject, subject)) continue;
      if (decision.verdict === "denied") throw new Denied({ error: `denied by ${decision.by}: ${decision.reason}`, error_code: "decision_denied" }, 4);
      if (decision.verdict === "approved" && decision.used_up) {
        this.#answered.add(decision.checkpoint_id);
        return { ...decision, subject: decision.amended ? readKept(decision.amended) : subject };
      }
    }
    await this.client.record({ job: this.id, lease: this.lease, type: "decision-needed", summary, action, attachments: [], subject: subject === undefined ? undefined : encode(subject) });
    throw new Waiting({ error: `asked: ${action}`, error_code: "approval_required" }, 4);
  }

  /**
   * Asks the gate for one call of a tool. It returns the call if it may run now, once, or was done
   * before (done); it throws Waiting if a person must approve it or find something out, and Blocked
   * otherwise. Settle what is returned, or say that it is unknown.
   */
  async check(tool: string, given: Arguments, options: CallOptions = {}): Promise<Call> {
    const intent = encodeIntent(tool, given, options.target);
    const question = { job: this.id, lease: this.lease, tool, intent, callId: options.callId, requestId: requestId() };
    let reply: Reply;
    try {
      reply = await this.client.ask(question);
    } catch (error) {
      throw blocked(error, "io_failure");
    }
    const { exit, answer } = reply;
    const ran = JSON.parse(intent).arguments;
    const ours = answer.job_id === this.id && answer.tool === tool && named(answer.call_id, options.callId);
    if (exit === 0 && ours && answer.ok === true && answer.verdict === "allow" && isGrant(answer.grant)) {
      const call = new Call(tool, ran, answer.call_id, answer.grant, false);
      open.add(call);
      return call;
    }
    if (exit === 0) throw new Blocked({ error: "the answer of the gate is no proof of an allow", reason_code: "block" }, 3);
    if (exit === 3 && ours && answer.verdict === "block" && answer.reason_code === "already_done") {
      const call = new Call(tool, ran, answer.call_id, undefined, true);
      call.settled = true;
      if (answer.result) call.result = JSON.parse((await this.kept(text(answer.result.digest))).toString("utf8"));
      return call;
    }
    const waits = answer.verdict === "require_approval" || ["effects_unsettled", "approval_required", "not_running"].includes(text(answer.reason_code));
    throw failed(reply, waits ? Waiting : Blocked);
  }

  /**
   * Settles a call that returned as done. What JSON cannot keep of a result is not kept: call.result
   * is then what it is for the next attempt, too. If the result is or holds something that may have yet
   * to run, such as an iterator, the call is settled as unknown, and this throws.
   */
  async settle(call: Call, result: unknown = call.result): Promise<void> {
    if (call.done) return;
    if (isUnfinished(result)) {
      await this.unknown(call, "the tool returned something that may have yet to run");
      throw new TypeError(`${call.tool} returned before it ran: return a value, or a promise of one`);
    }
    const kept = result === undefined ? undefined : tryEncode(result);
    call.result = kept === undefined ? undefined : JSON.parse(kept);
    await this.#end(call, { outcome: "done", result: kept });
  }

  /** Settles a call as unknown: someone has to find out. */
  async unknown(call: Call, reason: string): Promise<void> {
    if (!call.done) await this.#end(call, { outcome: "unknown", reason: oneLine(reason) });
  }

  async #end(call: Call, how: { outcome: "done" | "unknown"; reason?: string; result?: string }): Promise<void> {
    if (call.settled || call.grant === undefined) throw new Error(`the call ${call.callId} is settled`);
    call.settled = true;
    try {
      await this.client.end({ job: this.id, lease: this.lease, grant: call.grant, ...how });
    } finally {
      open.delete(call);
      if (open.size === 0) closed.splice(0).forEach((wake) => wake());
    }
  }

  /**
   * Asks the gate for one call of a tool, runs the body, and settles what became of it. The body is
   * run if the call is allowed now, and with call.done if it was done before. It sets call.result. If
   * it throws, the call is settled as unknown, and never tried again; of what it threw, the ledger is
   * told the kind, and not the words, which may hold what has to stay private.
   */
  async gate(tool: string, given: Arguments, body: (call: Call) => unknown, options: CallOptions = {}): Promise<Call> {
    const call = await this.check(tool, given, options);
    try {
      await body(call);
    } catch (error) {
      await this.unknown(call, because(error));
      throw error;
    }
    await this.settle(call);
    return call;
  }

  /** Calls a function with the arguments, once, and returns what it returned, as JSON keeps it. */
  async do<A extends Arguments>(tool: string, given: A, run: (given: A) => unknown, options: CallOptions = {}): Promise<any> {
    const call = await this.gate(
      tool,
      given,
      async (call) => {
        if (!call.done) call.result = await run(call.given);
      },
      options,
    );
    return call.result;
  }

  /** Returns what an agent is told about a call that may not run, with what was approved in its place. */
  async told(failure: Failure): Promise<string> {
    const digest = text(failure.answer.amended?.digest);
    if (!digest) return words(failure);
    const amended = JSON.parse((await this.kept(digest)).toString("utf8"));
    return `${words(failure)} Those are: ${encode(amended.arguments)}`;
  }

  /** Returns the bytes of content of the job. */
  kept(digest: string): Promise<Buffer> {
    return this.client.kept(this.id, digest);
  }
}

const current = new AsyncLocalStorage<Job>();

/** The calls that run now, and who waits until none does. */
const open = new Set<Call>();
const closed: (() => void)[] = [];

/** Waits until no call runs: one that is cut off may have been made, and a person would have to find out. */
async function quiet(): Promise<void> {
  if (open.size > 0) await new Promise<void>((wake) => closed.push(wake));
}

/**
 * Runs the body with the job that the supervisor has leased to this process. The process ends with 75
 * if the job has to wait for a person, and with 3 if it lost its lease. When its supervisor ends it, as
 * the job was paused, calls that run are settled first.
 */
export async function job<T>(body: (job: Job) => T | Promise<T>, environ: Environ = process.env): Promise<T> {
  const leased = Job.leased(environ);
  process.once("SIGTERM", () => void quiet().then(() => process.exit(143)));
  try {
    return await current.run(leased, async () => await body(leased));
  } catch (error) {
    const failure = failureOf(error);
    if (!(failure instanceof Waiting || failure instanceof Fenced)) throw error;
    if (failure instanceof Waiting) await quiet();
    process.stderr.write(`gait: ${failure.message}\n`);
    process.exit(failure instanceof Waiting ? EXIT_WAITING : 3);
  }
}

/**
 * Returns a function that asks the gate before it runs, and settles what became of it:
 *
 *     const refund = gait.tool(async ({ amount }: { amount: number }) => bank.refund(amount), { name: "payments.refund" });
 *     await refund({ amount: 12 });
 *
 * It runs for the job that it is given, or whose body it is called in, or that GAIT_JOB names.
 */
export function tool<A extends Arguments>(run: (given: A) => unknown, options: { name?: string; target?: string | ((given: A) => string | undefined); job?: Job } = {}): (given: A, call?: { callId?: string }) => Promise<any> {
  const name = options.name ?? run.name;
  if (!name) throw new TypeError("a tool needs a name: gait.tool(run, { name })");
  return (given, call = {}) => {
    const target = typeof options.target === "function" ? options.target(given) : options.target;
    return (options.job ?? current.getStore() ?? Job.leased()).do(name, given, run, { target, callId: call.callId });
  };
}

function isGrant(value: unknown): boolean {
  return typeof value === "string" && /^[0-9A-HJKMNP-TV-Z]{26}$/.test(value);
}

/** Reports whether an answer is about the call that was asked for: the one of that name, or else one that gait has named. */
function named(answered: unknown, asked: string | undefined): boolean {
  return typeof answered === "string" && (asked === undefined ? /^intent:[0-9a-f]{40}$/.test(answered) : answered === asked);
}

/** Reports whether content is the bytes of a subject: nothing if there is none, and no subject if its bytes are gone. */
function isAbout(content: Answer | undefined, subject: unknown): boolean {
  if (!content?.digest && !content?.path) return subject === undefined || subject === null;
  return content.path !== undefined && canonical(readKept(content)) === canonical(subject);
}

function oneLine(reason: string): string {
  return [...reason].slice(0, 200).join("").replace(/[\p{C}\p{Z}]+/gu, " ").trim() || "the tool failed";
}

/** Returns a spelling by which two values of JSON can be compared. */
function canonical(value: unknown): string {
  return encode(value === undefined ? null : JSON.parse(encode(value), (_, member) => (isObject(member) ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))) : member)));
}

/** Returns content of the supervisor's that is a value of JSON; null if there is none, or its bytes are gone. */
function readKept(content: Answer | undefined): any {
  return content?.path ? JSON.parse(fs.readFileSync(content.path, "utf8")) : null;
}
