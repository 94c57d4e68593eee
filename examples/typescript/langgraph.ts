/**
 * A graph of LangGraph (@langchain/langgraph 1.7) as a durable job: its checkpoints are recorded, its tools
 * pass the gate, and what waits for a person is an interrupt of the graph.
 *
 *     await gait.job(async (job) => {
 *       const checkpointer = await GaitSaver.open(new MemorySaver(), job);
 *       const graph = builder.compile({ checkpointer });
 *       await run(graph, { bill: "12" }, job);
 *     });
 *
 * In a node, call a tool with gated: gated(job, "pay", { amount: 12 }, pay, { target: "bank" }).
 */

import type { RunnableConfig } from "@langchain/core/runnables";
import { Command, interrupt } from "@langchain/langgraph";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  type PendingWrite,
} from "@langchain/langgraph-checkpoint";
import { Waiting, type Arguments, type CallOptions, type Job } from "./gait.js";

type Typed = [type: string, base64: string];
/** The newest checkpoint of a thread in a namespace, and what was written since. */
type Kept = { config: RunnableConfig["configurable"]; checkpoint: Typed; metadata: Typed; writes: { task: string; path?: string; values: [channel: string, value: Typed][] }[] };

/**
 * A saver that keeps what another one keeps, and records it as the state of a job: the newest checkpoint
 * of each thread. If the other saver has lost it, as one in memory has after a kill, it gets it back.
 * A checkpoint that cannot be recorded stops the graph.
 */
export class GaitSaver extends BaseCheckpointSaver {
  readonly #kept = new Map<string, Kept>();
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly inner: BaseCheckpointSaver,
    readonly job: Job,
  ) {
    super(inner.serde);
  }

  /** Returns a saver for a job, which goes on from what was recorded. The saver owns the state of the job. */
  static async open(inner: BaseCheckpointSaver, job: Job): Promise<GaitSaver> {
    const saver = new GaitSaver(inner, job);
    for (const kept of (job.state?.langgraph ?? []) as Kept[]) {
      const at = { configurable: kept.config! };
      saver.#kept.set(place(at), kept);
      if (await inner.getTuple({ configurable: { ...kept.config } })) continue;
      const checkpoint = await saver.#load<Checkpoint>(kept.checkpoint);
      await inner.put({ configurable: { ...kept.config, checkpoint_id: undefined } }, checkpoint, await saver.#load<CheckpointMetadata>(kept.metadata), checkpoint.channel_versions);
      for (const write of kept.writes) {
        const values: PendingWrite[] = [];
        for (const [channel, value] of write.values) values.push([channel, await saver.#load(value)]);
        await inner.putWrites(at, values, write.task, write.path);
      }
    }
    return saver;
  }

  override async put(config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, versions: ChannelVersions): Promise<RunnableConfig> {
    const dumped = Promise.all([this.#dump(checkpoint), this.#dump(metadata)]); // now: the graph goes on with both
    return this.#inOrder(async () => {
      const at = await this.inner.put(config, checkpoint, metadata, versions);
      const [kept, about] = await dumped;
      if (!at.configurable?.checkpoint_ns) this.#drop(at.configurable?.thread_id); // a step of the graph has ended, and those of its subgraphs
      this.#kept.set(place(at), { config: at.configurable, checkpoint: kept, metadata: about, writes: [] });
      await this.#record(`checkpoint of step ${metadata.step}, ${metadata.source}`);
      return at;
    });
  }

  override async putWrites(config: RunnableConfig, writes: PendingWrite[], task: string, path?: string): Promise<void> {
    const dumped = Promise.all(writes.map(async ([channel, value]): Promise<[string, Typed]> => [String(channel), await this.#dump(value)]));
    return this.#inOrder(async () => {
      await this.inner.putWrites(config, writes, task, path);
      const values = await dumped;
      const kept = this.#kept.get(place(config));
      if (kept === undefined || kept.config?.checkpoint_id !== config.configurable?.checkpoint_id) return; // it is about an older checkpoint
      kept.writes.push({ task, path, values });
      await this.#record(`a task has written: ${[...new Set(values.map(([channel]) => channel))].join(", ")}`);
    });
  }

  override getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    return this.inner.getTuple(config);
  }

  override list(config: RunnableConfig, options?: CheckpointListOptions): AsyncGenerator<CheckpointTuple> {
    return this.inner.list(config, options);
  }

  override getNextVersion(current: number | undefined): number {
    return this.inner.getNextVersion(current);
  }

  override async deleteThread(threadId: string): Promise<void> {
    return this.#inOrder(async () => {
      await this.inner.deleteThread(threadId);
      this.#drop(threadId);
      await this.#record("a thread was deleted");
    });
  }

  #drop(threadId: string): void {
    for (const [key, kept] of this.#kept) if (kept.config?.thread_id === threadId) this.#kept.delete(key);
  }

  async #record(summary: string): Promise<void> {
    await this.job.save({ langgraph: [...this.#kept.values()] }, summary.slice(0, 120));
  }

  /** Does one thing after the other, as they were asked for: the graph does not wait for its saver. */
  #inOrder<T>(act: () => Promise<T>): Promise<T> {
    const acted = this.#last.then(act);
    this.#last = acted.catch(() => {});
    return acted;
  }

  async #dump(value: unknown): Promise<Typed> {
    const [type, bytes] = await this.serde.dumpsTyped(value);
    return [type, Buffer.from(bytes).toString("base64")];
  }

  #load<T>([type, base64]: Typed): Promise<T> {
    return this.serde.loadsTyped(type, Buffer.from(base64, "base64"));
  }
}

function place(config: RunnableConfig): string {
  return JSON.stringify([config.configurable?.thread_id, config.configurable?.checkpoint_ns ?? ""]);
}

/** Calls a tool in a node, once, after the gate has allowed it. What waits for a person interrupts the graph. */
export async function gated<A extends Arguments>(job: Job, tool: string, given: A, call: (given: A) => unknown, options: CallOptions = {}): Promise<any> {
  for (;;) {
    try {
      return await job.do(tool, given, call, options);
    } catch (error) {
      if (!(error instanceof Waiting)) throw error;
      interrupt({ gait: error.code, tool, checkpoint_id: error.answer.checkpoint_id });
    }
  }
}

type Graph = { getState(config: RunnableConfig): Promise<any>; invoke(input: any, config: RunnableConfig): Promise<any> };

/**
 * Runs a graph to its end, from where the job was. If it is interrupted, the job waits: a tool asks the gate
 * again, and an interrupt of the graph's own is a decision of the job, whose subject is what it goes on with.
 */
export async function run(graph: Graph, input: unknown, job: Job, config: RunnableConfig = {}): Promise<any> {
  const at = { ...config, durability: "sync", configurable: { thread_id: job.id, ...config.configurable } }; // else a tool may run before it is recorded who asked for it
  const { tasks, createdAt } = await graph.getState(at);
  const open: { id: string; value: any }[] = tasks.flatMap((task: any) => task.interrupts ?? []);
  const resume: { [id: string]: unknown } = {};
  for (const { id, value } of open) resume[id] = value?.gait ? true : (await job.ask("say how the graph goes on", "the graph is interrupted", value)).subject;
  const result = await graph.invoke(open.length > 0 ? new Command({ resume }) : createdAt ? null : input, at);
  const waits = result.__interrupt__ ?? [];
  if (waits.length === 0) return result;
  for (const { value } of waits) if (!value?.gait) await job.ask("say how the graph goes on", "the graph is interrupted", value);
  throw new Waiting({ error: `the graph is interrupted: ${waits[0].value?.tool}`, error_code: waits[0].value?.gait ?? "approval_required" }, 4);
}
