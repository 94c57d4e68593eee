/**
 * An agent of the OpenAI Agents SDK (@openai/agents 0.20) as a durable job: each call of a tool passes
 * the gate, and the run goes on after any kill, and after a person has approved.
 *
 *     await gait.job(async (job) => {
 *       const durable = new Durable(job);
 *       const pay = durable.tool({ name: "pay", description: "…", parameters: z.object({ amount: z.number() }), execute: ({ amount }) => bank.pay(amount) });
 *       const result = await durable.run(new Agent({ name: "clerk", tools: [pay] }), "Pay the bill.");
 *       console.log(result.finalOutput);
 *     });
 *
 * The state of the job is the SDK's own serialised run, and what the model has answered since: the
 * same calls are asked for again, under the same ids, and what was done is answered from the ledger.
 * Whether a tool needs an approval is for the gate to say, each time the SDK asks: nothing is approved here.
 * An agent with anything that would run without the gate is refused, and so is one that can hand off to such an agent.
 */

import { Agent, Handoff, OpenAIProvider, Runner, RunState, Usage, tool, type Model, type ModelProvider, type ModelRequest, type ModelResponse, type RunConfig } from "@openai/agents";
import { because } from "./failure.js";
import { Blocked, Fenced, Waiting, failureOf, type Call, type Failure, type Job } from "./gait.js";

/** What a tool is made of. Its arguments are JSON: a schema that makes dates or bigints of them is refused by each call. */
export type DurableTool = Omit<Parameters<typeof tool>[0], "execute" | "needsApproval" | "errorFunction" | "timeoutMs" | "timeoutBehavior" | "timeoutErrorFunction"> & {
  name: string;
  description: string;
  parameters: any;
  execute: (given: any, context?: any, details?: any) => unknown;
  target?: string;
};

const UNREADABLE = "It has not run: the arguments cannot be read. Write them again.";

type Kept = { run?: string; responses: any[] };

/** A job in which agents run. */
export class Durable {
  readonly #allowed = new Map<string, Call>();
  readonly #refused = new Map<string, Failure>();
  readonly #ends = new WeakSet<object>();
  readonly #tools = new Set<object>();
  #ran = false;
  readonly #waiting = new Map<string, Waiting>();

  constructor(readonly job: Job) {}

  /** Returns a tool whose every call passes the gate. */
  tool(options: DurableTool) {
    const { execute, target, ...rest } = options;
    if (Object.keys(rest).some((key) => key.startsWith("timeout"))) throw new TypeError("a tool that is given up still runs: leave out its timeout");
    const made = tool({
      ...rest,
      needsApproval: (_: unknown, given: any, callId?: string) => this.#waits(options.name, given, callId, target),
      execute: async (given: any, context: any, details: any) => {
        const callId: string | undefined = details?.toolCall?.callId;
        const key = named(options.name, callId);
        const waits = !this.#allowed.has(key) && !this.#refused.has(key) && (await this.#waits(options.name, given, callId, target));
        if (waits) throw this.#end(this.#waiting.get(key));
        const refused = this.#refused.get(key);
        if (refused) return this.job.told(refused);
        const call = this.#allowed.get(key)!;
        this.#allowed.delete(key);
        if (call.done) return call.result;
        return this.#settled(call, execute, context, details);
      },
      errorFunction: (_: unknown, error: unknown) => {
        if (this.#ends.has(error as object) || (error as Error)?.constructor?.name !== "InvalidToolInputError") throw error;
        return UNREADABLE;
      },
    } as any);
    this.#tools.add(made);
    return made;
  }

  /**
   * Runs an agent until it has an answer, from where the job was; it throws Waiting if a person must approve
   * first. A job has one run: the next one would be answered from what is recorded of this.
   */
  async run<A extends Agent<any, any>>(agent: A, input: string, config: Partial<RunConfig> = {}) {
    if (this.#ran) throw new Error("a job has one run of agents: make another job for the next");
    this.#ran = true;
    const kept: Kept = this.job.state ?? { responses: [] };
    if (!Array.isArray(kept.responses)) throw new Error("the state of the job is not that of a run of agents");
    this.job.state = kept;
    const record = this.#recorder(kept);
    const first = this.#checked(agent, record, new Map()) as A;
    const runner = new Runner({ ...config, ...recordedConfig(config, record) });
    for (let from: string | RunState<any, A> = kept.run === undefined ? input : await RunState.fromString<any, A>(first, kept.run); ; ) {
      const result = await runner.run(first, from);
      if (result.interruptions.length === 0) return result;
      for (const item of result.interruptions) {
        if (!this.#waiting.has(named(item.name ?? "", (item.rawItem as { callId?: string }).callId))) result.state.reject(item, { message: UNREADABLE }); // the SDK asks about what it cannot read
      }
      const [waiting] = this.#waiting.values();
      from = result.state;
      if (waiting === undefined) continue;
      await this.job.save({ run: result.state.toString(), responses: [] } satisfies Kept, "the run waits for an approval");
      throw waiting;
    }
  }

  /** Reports whether a call waits for a person. If it does not, it is allowed or refused now. */
  async #waits(name: string, given: any, callId: string | undefined, target: string | undefined): Promise<boolean> {
    if (callId === undefined) throw this.#end(new Blocked({ error: "the call has no id", reason_code: "invalid_call_id" }, 3));
    const key = named(name, callId);
    if (this.#allowed.has(key)) return false;
    const denied = (this.job.resume.decisions ?? []).find((decision: any) => decision.call_id === callId && decision.verdict === "denied");
    try {
      if (denied) throw new Blocked({ error: `denied by ${denied.by}`, reason_code: "policy_forbids" }, 3);
      this.#allowed.set(key, await this.job.check(name, given, { callId, target }));
      return false;
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined || failure instanceof Fenced) throw this.#end(error);
      if (failure instanceof Waiting) this.#waiting.set(key, failure);
      else this.#refused.set(key, failure);
      return failure instanceof Waiting;
    }
  }

  async #settled(call: Call, execute: DurableTool["execute"], context: any, details: any): Promise<unknown> {
    try {
      call.result = await execute(call.given, context, details);
    } catch (error) {
      await this.job.unknown(call, because(error));
      throw this.#end(error);
    }
    await this.job.settle(call).catch((error: unknown) => {
      throw this.#end(error);
    });
    return call.result;
  }

  /** Marks an error that ends the run. The SDK would tell the model about any other, and go on. */
  #end(error: unknown): Error {
    const ends = error instanceof Error ? error : new Error(String(error));
    this.#ends.add(ends);
    return ends;
  }

  /**
   * Returns a copy of an agent, and of all that it can hand off to, whose models are recorded: what runs is what
   * was looked at here, whatever the program does with its own. It throws if anything of it is not the gate's.
   */
  #checked(agent: Agent<any, any>, record: Record, copies: Map<object, Agent<any, any>>): Agent<any, any> {
    const known = copies.get(agent);
    if (known) return known;
    if (Object.getPrototypeOf(agent) !== Agent.prototype) throw refusal(agent.name, "it is no plain Agent, and may bring tools of its own");
    const free = agent.tools.filter((one) => !this.#tools.has(one)).map((one) => one.name);
    if (free.length > 0) throw refusal(agent.name, `these tools do not pass the gate: ${free.join(", ")}. Make them with durable.tool`);
    if (agent.mcpServers.length > 0) throw refusal(agent.name, "the tools of its MCP servers do not pass the gate");
    if (agent.prompt !== undefined) throw refusal(agent.name, "its prompt is kept elsewhere, and may bring tools that do not pass the gate");
    const copy: Agent<any, any> = Agent.prototype.clone.call(agent, { tools: [...agent.tools], handoffs: [], ...(typeof agent.model === "object" && { model: record(agent.model) }) });
    copies.set(agent, copy);
    copy.emit = agent.emit.bind(agent); // to those who listen to the agent itself
    copy.handoffs = agent.handoffs.map((to) => {
      if (to instanceof Agent) return this.#checked(to, record, copies);
      if (!(to instanceof Handoff)) throw refusal(agent.name, "it hands off to what is no Agent");
      return to.clone({ agent: this.#checked(to.agent, record, copies) });
    });
    return copy;
  }

  /** Returns what makes a model answer as before, as far as the job has recorded it, and record what it answers then. */
  #recorder(kept: Kept): Record {
    let next = 0;
    return (model) => ({
      getResponse: async (request: ModelRequest): Promise<ModelResponse> => {
        if (next === kept.responses.length) {
          kept.responses.push(await model.getResponse(request));
          await this.job.save(kept, `the model has answered, ${kept.responses.length} since the run began or went on`);
        }
        const said = JSON.parse(JSON.stringify(kept.responses[next++]));
        return { ...said, usage: new Usage(said.usage) };
      },
      getStreamedResponse: () => {
        throw new Error("a durable run does not stream");
      },
    });
  }
}

type Record = (model: Model) => Model;

/** Returns the models of a run that are not an agent's own, recorded. */
function recordedConfig(config: Partial<RunConfig>, record: Record): Partial<RunConfig> {
  const provider = config.modelProvider ?? new OpenAIProvider();
  const modelProvider: ModelProvider = { getModel: async (name?: string) => record(await provider.getModel(name)) };
  return typeof config.model === "object" ? { modelProvider, model: record(config.model) } : { modelProvider };
}

/** The name of a call of a run: ids are the model's, and one that it gives twice names two calls of two tools. */
function named(tool: string, callId: string | undefined): string {
  return JSON.stringify([tool, callId]);
}

function refusal(agent: string, why: string): Blocked {
  return new Blocked({ error: `the agent ${agent} is not run: ${why}`, reason_code: "block" }, 3);
}
