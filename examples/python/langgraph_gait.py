"""LangGraph on gait: a saver whose checkpoints are checkpoints of the job.

Copy this file and gait.py beside your worker, and run it under gait job run.

    import gait, langgraph_gait

    with gait.job() as job, SqliteSaver.from_conn_string("graph.db") as inner:
        graph = builder.compile(checkpointer=langgraph_gait.GaitSaver(inner, job))
        graph.invoke(..., {"configurable": {"thread_id": job.id}})

The inner saver keeps what the graph needs, as it would alone. What it has kept is then recorded:
each checkpoint of the graph is an event of the job, with the bytes of the checkpoint as content
(keep=False: with its names alone). If the inner saver has less than the job has recorded, as when
its file was lost or put back, the graph does not run: it would do again what was done.

Written against langgraph-checkpoint 4.2.0 (August 2026), by what it publishes.
"""

import asyncio
import base64

import gait
from langgraph.checkpoint.base import BaseCheckpointSaver

FORMAT = "langgraph checkpoint"  # what the state of the job holds


class GaitSaver(BaseCheckpointSaver):
    """Keeps checkpoints in another saver, and records them on the job."""

    def __init__(self, inner, job, keep=True):
        super().__init__(serde=inner.serde)
        self.inner, self.job, self.keep = inner, job, keep
        state = job.state if isinstance(job.state, dict) and job.state.get("format") == FORMAT else None
        self._recorded = state  # until it is found in the inner saver

    @property
    def config_specs(self):
        return self.inner.config_specs

    def put(self, config, checkpoint, metadata, new_versions):
        kept = self.inner.put(config, checkpoint, metadata, new_versions)
        self._record(kept, checkpoint, metadata)
        return kept

    async def aput(self, config, checkpoint, metadata, new_versions):
        kept = await self.inner.aput(config, checkpoint, metadata, new_versions)
        await asyncio.to_thread(self._record, kept, checkpoint, metadata)
        return kept

    def get_tuple(self, config):
        found = self.inner.get_tuple(config)
        self._compare(config, found)
        return found

    async def aget_tuple(self, config):
        found = await self.inner.aget_tuple(config)
        self._compare(config, found)
        return found

    def with_allowlist(self, extra_allowlist):
        return GaitSaver(self.inner.with_allowlist(extra_allowlist), self.job, self.keep)

    def _record(self, config, checkpoint, metadata):
        where = config["configurable"]
        state = {
            "format": FORMAT, "thread_id": where["thread_id"], "checkpoint_ns": where.get("checkpoint_ns", ""), "checkpoint_id": checkpoint["id"],
            "source": metadata.get("source"), "step": metadata.get("step"),
        }
        if self.keep:
            kind, data = self.serde.dumps_typed(checkpoint)
            state["checkpoint"] = {"type": kind, "base64": base64.b64encode(data).decode()}
        summary = "graph %s: step %s (%s)" % (where["thread_id"], metadata.get("step"), metadata.get("source"))
        if state["checkpoint_ns"]:
            self.job.checkpoint(summary + ", in " + state["checkpoint_ns"])  # of a graph in the graph: the outer one says where the job is
        else:
            self.job.save(state, summary)

    def _compare(self, config, found):
        """Refuses an inner saver that has not what the job has recorded."""
        recorded, where = self._recorded, config["configurable"]
        if recorded is None or where.get("checkpoint_id") or (where["thread_id"], where.get("checkpoint_ns", "")) != (recorded["thread_id"], ""):
            return
        if found is None or found.checkpoint["id"] < recorded["checkpoint_id"]:  # ids grow with time
            raise gait.Failure({"error": "the saver has not checkpoint %s, which job %s has recorded: bring back its file" % (recorded["checkpoint_id"], self.job.id), "error_code": "state_lost"}, 2)
        self._recorded = None


def _pass(name):
    return lambda self, *args, **kwargs: getattr(self.inner, name)(*args, **kwargs)


for _name in ("list", "put_writes", "delete_thread", "delete_for_runs", "copy_thread", "prune", "get_delta_channel_history", "get_next_version"):
    setattr(GaitSaver, _name, _pass(_name))
    setattr(GaitSaver, "a" + _name, _pass("a" + _name))
