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
 */

import { OpenAIProvider, Runner, RunState, Usage, tool, type Agent, type Model, type ModelProvider, type ModelRequest, type ModelResponse, type RunConfig } from "@openai/agents";
import { Blocked, Fenced, Waiting, failureOf, type Call, type Failure, type Job } from "./gait.js";

/** What a tool is made of. Its arguments are JSON: a schema that makes dates or bigints of them is refused by each call. */
export type DurableTool = Omit<Parameters<typeof tool>[0], "execute" | "needsApproval" | "errorFunction"> & {
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
  readonly #names = new Set<string>();
  readonly #waiting = new Map<string, Waiting>();

  constructor(readonly job: Job) {}

  /** Returns a tool whose every call passes the gate. */
  tool(options: DurableTool) {
    const { execute, target, ...rest } = options;
    this.#names.add(options.name);
    return tool({
      ...rest,
      needsApproval: (_: unknown, given: any, callId?: string) => this.#waits(options.name, given, callId, target),
      execute: async (given: any, context: any, details: any) => {
        const callId: string | undefined = details?.toolCall?.callId;
        const waits = !this.#allowed.has(callId ?? "") && !this.#refused.has(callId ?? "") && (await this.#waits(options.name, given, callId, target));
        if (waits) throw this.#end(this.#waiting.get(callId!));
        const refused = this.#refused.get(callId!);
        if (refused) return this.job.told(refused);
        const call = this.#allowed.get(callId!)!;
        this.#allowed.delete(callId!);
        if (call.done) return call.result;
        return this.#settled(call, execute, context, details);
      },
      errorFunction: (_: unknown, error: unknown) => {
        if (this.#ends.has(error as object) || (error as Error)?.constructor?.name !== "InvalidToolInputError") throw error;
        return UNREADABLE;
      },
    } as any);
  }

  /** Runs an agent until it has an answer, from where the job was; it throws Waiting if a person must approve first. */
  async run<A extends Agent<any, any>>(agent: A, input: string, config: Partial<RunConfig> = {}) {
    const kept: Kept = this.job.state ?? { responses: [] };
    this.job.state = kept;
    const recorded = this.#recorded(agent, config, kept);
    const runner = new Runner({ ...config, ...recorded.config });
    for (let from: string | RunState<any, A> = kept.run === undefined ? input : await RunState.fromString<any, A>(recorded.agent, kept.run); ; ) {
      const result = await runner.run(recorded.agent, from);
      if (result.interruptions.length === 0) return result;
      for (const item of result.interruptions) {
        if (!this.#names.has(item.name ?? "")) throw new Blocked({ error: `the tool ${item.name} needs an approval that is not the gate's: make it with durable.tool`, reason_code: "block" }, 3);
        if (!this.#waiting.has((item.rawItem as { callId?: string }).callId ?? "")) result.state.reject(item, { message: UNREADABLE }); // the SDK asks about what it cannot read
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
    if (this.#allowed.has(callId)) return false;
    const denied = (this.job.resume.decisions ?? []).find((decision: any) => decision.call_id === callId && decision.verdict === "denied");
    try {
      if (denied) throw new Blocked({ error: `denied by ${denied.by}`, reason_code: "policy_forbids" }, 3);
      this.#allowed.set(callId, await this.job.check(name, given, { callId, target }));
      return false;
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined || failure instanceof Fenced) throw this.#end(error);
      if (failure instanceof Waiting) this.#waiting.set(callId, failure);
      else this.#refused.set(callId, failure);
      return failure instanceof Waiting;
    }
  }

  async #settled(call: Call, execute: DurableTool["execute"], context: any, details: any): Promise<unknown> {
    try {
      call.result = await execute(call.given, context, details);
    } catch (error) {
      await this.job.unknown(call, `the tool failed: ${error}`);
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

  /** Returns the agent with models that answer as before, as far as the job has recorded it, and record what they answer then. */
  #recorded<A extends Agent<any, any>>(agent: A, config: Partial<RunConfig>, kept: Kept): { agent: A; config: Partial<RunConfig> } {
    let next = 0;
    const recorded = (model: Model): Model => ({
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
    if (typeof agent.model === "object") return { agent: agent.clone({ model: recorded(agent.model) }) as A, config: {} };
    if (typeof config.model === "object") return { agent, config: { model: recorded(config.model) } };
    const provider = config.modelProvider ?? new OpenAIProvider();
    const modelProvider: ModelProvider = { getModel: async (name?: string) => recorded(await provider.getModel(name)) };
    return { agent, config: { modelProvider } };
  }
}
