"""The interface of a saver, as langgraph.checkpoint.base 4.2.0 (20 August 2026) has it."""

import pickle
import time
import typing


class CheckpointTuple(typing.NamedTuple):
    config: dict
    checkpoint: dict
    metadata: dict
    parent_config: typing.Optional[dict] = None
    pending_writes: typing.Optional[list] = None


class Serializer:
    """Stands for JsonPlusSerializer."""

    def dumps_typed(self, value):
        return "pickle", pickle.dumps(value)

    def loads_typed(self, typed):
        return pickle.loads(typed[1])


class BaseCheckpointSaver:
    serde = Serializer()

    def __init__(self, *, serde=None):
        self.serde = serde or self.serde

    @property
    def config_specs(self):
        return []


def _unwritten(name):
    def method(self, *args, **kwargs):
        raise NotImplementedError(name)

    return method


for _name in ("get_tuple", "list", "put", "put_writes", "delete_thread", "delete_for_runs", "copy_thread", "prune", "get_delta_channel_history"):
    setattr(BaseCheckpointSaver, _name, _unwritten(_name))
    setattr(BaseCheckpointSaver, "a" + _name, _unwritten("a" + _name))
setattr(BaseCheckpointSaver, "get_next_version", lambda self, current, channel: 1 if current is None else current + 1)


def empty_checkpoint():
    return {"v": 2, "id": "%020d" % time.time_ns(), "ts": "", "channel_values": {}, "channel_versions": {}, "versions_seen": {}, "updated_channels": None}
