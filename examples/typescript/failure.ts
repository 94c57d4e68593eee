/** What goes wrong, and what an agent is told about it. */

import { inspect } from "node:util";

/** What gait answers: an object of JSON. */
export type Answer = { [name: string]: any };

/** An answer with the exit code that the program ends with, or would. */
export type Reply = { exit: number; answer: Answer };

/** A command of gait that did not end with exit 0. */
export class Failure extends Error {
  /** The reason code or the error code. */
  readonly code: string;

  constructor(
    readonly answer: Answer,
    readonly exit: number,
  ) {
    const code = text(answer.reason_code) || text(answer.error_code);
    super(`${text(answer.error) || text(answer.detail) || code || `exit ${exit}`} (${code})`);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The gate does not let the tool run. It did not run. */
export class Blocked extends Failure {}

/** The job waits for a person. The worker ends, and is started again when the job goes on. */
export class Waiting extends Failure {}

/** Another worker has the job now: this one ends, and does nothing more. */
export class Fenced extends Failure {}

/** What the worker asked for was denied. */
export class Denied extends Failure {}

/** Returns the Failure that an error is or was caused by, as frameworks wrap what a tool throws. */
export function failureOf(error: unknown): Failure | undefined {
  for (let depth = 0; depth < 16 && typeof error === "object" && error !== null; depth++) {
    if (error instanceof Failure) return error;
    const wrapped = error as { cause?: unknown; error?: unknown };
    error = wrapped.cause ?? wrapped.error;
  }
  return undefined;
}

/** What an agent is told about a call that may not run, and the codes that it is told about. */
const WORDS: [string, string][] = [
  ["A person has to approve this first, and it has not run. Stop here and wait; do not try to do the same in another way.", "policy_requires_approval"],
  ["This is not allowed, and it has not run. Do it another way, or stop.", "policy_forbids policy_permits_none policy_diagnostic policy_conflict"],
  [
    "No tool may run for this job, since it has no policy that can be used. Nothing has run. Stop, and say so.",
    "policy_missing policy_unreadable policy_empty policy_invalid policy_annotation policy_mismatch policy_unbound",
  ],
  ["It has not run: the arguments cannot be read. Write them again.", "intent_invalid"],
  ["It has not run: the arguments are too long. Put them into a file, and name that.", "intent_too_large"],
  ["It has not run: the arguments have a value that policies cannot see, such as null in a list. Leave it out, or write it as text.", "intent_unsupported"],
  ["It was approved with other arguments, and has not run. Ask for it with those.", "intent_amended"],
  ["It has not run: it was asked for in a wrong way. Do not try again; say so.", "intent_tool job_not_found call_reused grant_settled dry_run"],
  ["The job is stopped for now: no tool may run, and this one has not run. Stop, and wait until the job goes on.", "not_running"],
  ["The job had an emergency stop. Nothing more of it may run, and this has not run. Stop.", "emergency_stopped"],
  ["It may have run already. Do not try again: a person has to find out first.", "effects_unsettled call_before outcome_unknown"],
  ["It was done before, and has not run again. What it answered then is recorded.", "already_done"],
  ["It has not run: too much is open. Wait for what is running, and for decisions that are open.", "too_many_grants too_many_cleared too_many_decisions"],
  ["Another worker has this job now. It has not run. Stop.", "fenced"],
  ["It has not run, since the gate could not answer. Try once more, and then stop.", "internal_failure intent_unreadable"],
];

/** Returns what an agent is told about a call that may not run: what it means, and what to do. */
export function words(failure: Failure): string {
  const known = WORDS.find(([, codes]) => codes.split(" ").includes(failure.code));
  const [said] = known ?? WORDS.at(failure.answer.verdict === "require_approval" ? 0 : -1)!;
  return `${said} (${failure.code})`;
}

export function failed({ exit, answer }: Reply, kind: typeof Failure): Failure {
  const fenced = answer.error_code === "fenced" || answer.reason_code === "fenced";
  return fenced ? new Fenced(answer, exit) : new kind(answer, exit);
}

export function blocked(error: unknown, code: string): Failure {
  return error instanceof Failure ? error : new Blocked({ error: inspect(error, { depth: 0 }), reason_code: code }, 3);
}

/** Returns why a call is unknown whose tool has thrown: the kind of it, as what the ledger is told stays for ever. */
export function because(error: unknown): string {
  const kind = error instanceof Error ? error.constructor.name : typeof error;
  return `the tool failed: ${/^[\w$]{1,60}$/.test(kind) ? kind : "Error"}`;
}

/** Reports whether a result is or holds something that may have yet to run: a promise, an iterator, a function. */
export function isUnfinished(result: any, depth = 0): boolean {
  if (typeof result === "function" || typeof result?.then === "function" || typeof result?.next === "function" || typeof result?.[Symbol.asyncIterator] === "function") return true;
  if (!isObject(result) && !Array.isArray(result)) return false;
  return depth > 64 || (typeof (result as Answer).toJSON !== "function" && Object.values(result).some((part) => typeof part !== "function" && isUnfinished(part, depth + 1)));
}

export function isObject(value: unknown): value is Answer {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function encode(value: unknown): string {
  const encoded = JSON.stringify(value);
  if (encoded === undefined) throw new TypeError(`${inspect(value)} is no value of JSON`);
  return encoded;
}

export function tryEncode(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
