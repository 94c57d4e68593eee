/** A ledger in a directory of its own, for tests through the real program. */

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { after } from "node:test";

/** The program under test: make build puts it there. */
export const bin = process.env.GAIT_BIN ?? fileURLToPath(new URL("../../../../gait", import.meta.url));

export const policy = `
@id("read") permit (principal, action == Action::"read", resource);
@id("pay") @gait_verdict("require_approval") permit (principal, action == Action::"pay", resource);
@id("gold") forbid (principal, action == Action::"pay", resource) when { context.arguments has gold };
`;

export class World {
  readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), "gait-ts-"));
  readonly env: { [name: string]: string };
  #children: ChildProcess[] = [];

  constructor() {
    this.env = { PATH: process.env.PATH ?? "", GAIT_HOME: path.join(this.dir, "home"), GAIT_ROOT: path.join(this.dir, "jobs"), GAIT_BIN: bin, GAIT_ACTOR: "worker_1", CGO_ENABLED: "0" };
    fs.writeFileSync(path.join(this.dir, "policy.cedar"), policy);
    after(() => this.end());
  }

  at(...names: string[]): string {
    return path.join(this.dir, ...names);
  }

  /** Runs gait, and returns its answer; it fails unless the exit code is the one that is wanted, if one is. */
  gait(args: string[], exit: number | null = 0, env: { [name: string]: string } = {}): any {
    const done = spawnSync(bin, [...args, "--json"], { env: { ...this.env, ...env }, encoding: "utf8" });
    if (exit !== null && done.status !== exit) throw new Error(`gait ${args.join(" ")}: exit ${done.status}, want ${exit}\n${done.stdout}${done.stderr}`);
    return JSON.parse(done.stdout);
  }

  /** Starts gait in the directory of the ledger. */
  spawn(args: string[], env: { [name: string]: string } = {}): ChildProcess {
    const child = spawn(bin, args, { cwd: this.dir, env: { ...this.env, ...env }, stdio: ["ignore", "ignore", process.env.GAIT_TEST_SHOW ? "inherit" : "ignore"] });
    this.#children.push(child);
    return child;
  }

  /** Returns the lines that workers have left. */
  notes(): string[] {
    return fs.existsSync(this.at("notes")) ? fs.readFileSync(this.at("notes"), "utf8").trim().split("\n") : [];
  }

  submit(job: string): any {
    return this.gait(["job", "submit", "--id", job, "--policy", this.at("policy.cedar"), "--actor", "boss"]);
  }

  /** Approves the decision that a job waits for, and resumes it: two other actors. */
  approve(job: string, ...flags: string[]): void {
    const [{ checkpoint_id }] = this.gait(["job", "status", "--id", job]).job.open_decisions;
    this.gait(["job", "approve", "--id", job, "--checkpoint", checkpoint_id, "--actor", "reviewer_1", "--reason", "it is right", ...flags]);
    this.gait(["job", "resume", "--id", job, "--policy", this.at("policy.cedar"), "--actor", "boss"]);
  }

  /** Waits until a job is as it should be. */
  async until(job: string, is: (status: any) => boolean): Promise<void> {
    for (let tries = 0; !is(this.gait(["job", "status", "--id", job]).job); tries++) {
      if (tries > 300) throw new Error(`${job} is ${JSON.stringify(this.gait(["job", "status", "--id", job]).job)}`);
      await new Promise((wake) => setTimeout(wake, 200));
    }
  }

  /** Returns the events of a job. */
  events(job: string): any[] {
    return this.gait(["job", "events", "--id", job]).events;
  }

  /** Starts a daemon, and returns once it answers. */
  async serve(...flags: string[]): Promise<ChildProcess> {
    const daemon = spawn(bin, ["serve", ...flags], { env: this.env, stdio: "ignore" });
    this.#children.push(daemon);
    const socket = path.join(this.env.GAIT_ROOT!, "gait.sock");
    for (let tries = 0; !fs.existsSync(socket); tries++) {
      if (tries > 600 || daemon.exitCode !== null) throw new Error("the daemon did not start");
      await new Promise((wake) => setTimeout(wake, 50));
    }
    return daemon;
  }

  end(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    fs.rmSync(this.dir, { recursive: true, force: true, maxRetries: 20 });
  }
}
