"""A saver in a file, which stands for langgraph-checkpoint-sqlite."""

import os
import pickle

from .base import BaseCheckpointSaver, CheckpointTuple


class FileSaver(BaseCheckpointSaver):
    def __init__(self, path):
        super().__init__()
        self.path = path
        self.kept, self.writes = {}, {}
        if os.path.exists(path):
            with open(path, "rb") as f:
                self.kept, self.writes = pickle.load(f)

    def put(self, config, checkpoint, metadata, new_versions):
        where = config["configurable"]
        key = (where["thread_id"], where.get("checkpoint_ns", ""))
        self.kept.setdefault(key, []).append((checkpoint, metadata, where.get("checkpoint_id")))
        self._flush()
        return {"configurable": {"thread_id": key[0], "checkpoint_ns": key[1], "checkpoint_id": checkpoint["id"]}}

    def put_writes(self, config, writes, task_id, task_path=""):
        self.writes.setdefault(config["configurable"]["checkpoint_id"], []).extend((task_id, channel, value) for channel, value in writes)
        self._flush()

    def get_tuple(self, config):
        where = config["configurable"]
        kept = self.kept.get((where["thread_id"], where.get("checkpoint_ns", "")), [])
        for checkpoint, metadata, parent in reversed(kept):
            if where.get("checkpoint_id") in (None, checkpoint["id"]):
                found = {"configurable": {"thread_id": where["thread_id"], "checkpoint_ns": where.get("checkpoint_ns", ""), "checkpoint_id": checkpoint["id"]}}
                return CheckpointTuple(found, checkpoint, metadata, parent, self.writes.get(checkpoint["id"]))
        return None

    def get_next_version(self, current, channel):
        return "%032d" % (int(current or 0) + 1)

    def _flush(self):
        with open(self.path + ".new", "wb") as f:
            pickle.dump((self.kept, self.writes), f)
        os.replace(self.path + ".new", self.path)
