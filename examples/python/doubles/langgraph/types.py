"""Interrupts, as langgraph.types 1.2.11 (August 2026) has them."""

import contextlib
import contextvars
import dataclasses
import typing

from langgraph.errors import GraphInterrupt

_resumed = contextvars.ContextVar("resumed")


@dataclasses.dataclass
class Command:
    resume: typing.Any = None
    update: typing.Any = None


@dataclasses.dataclass
class Interrupt:
    value: typing.Any


def interrupt(value):
    """Pauses the graph; when it is resumed, the node runs again, and this returns what it was resumed with."""
    left = _resumed.get()
    if left:
        return left.pop(0)
    raise GraphInterrupt(value)


@contextlib.contextmanager
def scratchpad(resumed):
    """Of the double: what a task was resumed with."""
    token = _resumed.set(list(resumed))
    try:
        yield
    finally:
        _resumed.reset(token)
