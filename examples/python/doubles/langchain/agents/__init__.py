"""create_agent: a model that answers with messages, and a node that runs its tool calls."""

import dataclasses
import functools

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.errors import GraphInterrupt
from langgraph.types import Command, Interrupt, scratchpad


@dataclasses.dataclass
class ToolCallRequest:
    tool_call: dict
    tool: object
    state: object = None
    runtime: object = None


@dataclasses.dataclass
class StateSnapshot:
    values: dict
    next: tuple
    interrupts: tuple


def create_agent(model, tools, middleware=(), checkpointer=None):
    return Agent(model, {tool.name: tool for tool in tools}, list(middleware), checkpointer)


class Agent:
    """A graph of two nodes, whose state is a list of messages. Its saver keeps it after each node."""

    def __init__(self, model, tools, middleware, saver):
        self.model, self.tools, self.middleware, self.saver = model, tools, middleware, saver

    def get_state(self, config):
        found = self.saver.get_tuple(config)
        if found is None:
            return StateSnapshot({}, (), ())
        values = found.checkpoint["channel_values"]
        paused = tuple(Interrupt(write[2]) for write in found.pending_writes or () if write[1] == "__interrupt__")
        return StateSnapshot(values, self._next(values["messages"]), paused)

    async def aget_state(self, config):
        return self.get_state(config)

    async def ainvoke(self, input, config, durability="async"):
        return self.invoke(input, config, durability)

    def invoke(self, input, config, durability="async"):
        """Goes on with the graph. What is asynchronous is kept here when the tools have run, which is the latest that it may be."""
        left = self.saver.get_tuple(config)
        messages = list(left.checkpoint["channel_values"]["messages"]) if left else []
        config = left.config if left else {"configurable": {"checkpoint_ns": "", **config["configurable"]}}
        resumed = [input.resume] if isinstance(input, Command) else []
        if isinstance(input, dict):
            messages += input["messages"]
        step = left.metadata["step"] + 1 if left else -1
        while True:
            due = step < 0 or not resumed
            if due and durability == "sync":
                config, due = self._put(config, messages, step), False
            following = self._next(messages)
            if not following:
                if due:
                    self._put(config, messages, step)
                return {"messages": messages}
            before = messages
            try:
                with scratchpad(resumed):
                    messages = messages + (self._ask(messages) if following == ("model",) else self._run(messages))
            except GraphInterrupt as paused:
                config = self._put(config, before, step) if due else config
                self.saver.put_writes(config, [("__interrupt__", paused.value)], "task")
                return {"messages": messages, "__interrupt__": [Interrupt(paused.value)]}
            config = self._put(config, before, step) if due else config
            resumed, step = [], step + 1

    def _put(self, config, messages, step):
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {"messages": messages}
        return self.saver.put(config, checkpoint, {"source": "input" if step < 0 else "loop", "step": step}, {})

    @staticmethod
    def _next(messages):
        last = messages[-1] if messages else None
        if isinstance(last, AIMessage):
            return ("tools",) if last.tool_calls else ()
        return ("model",)

    def _ask(self, messages):
        return [self.model(messages)]

    def _run(self, messages):
        return [self._call(call) for call in messages[-1].tool_calls]

    def _call(self, call):
        handler = self._execute
        for layer in reversed(self.middleware):
            handler = functools.partial(layer.wrap_tool_call, handler=handler)
        return handler(ToolCallRequest(call, self.tools.get(call["name"])))

    @staticmethod
    def _execute(request):
        call = request.tool_call
        if request.tool is None:
            return ToolMessage("Error: %s is not a valid tool" % call["name"], call["id"], call["name"], "error")
        try:
            request.tool.tool_call_schema.model_validate(call["args"])
        except ValueError as error:
            return ToolMessage("Error invoking tool: %s" % error, call["id"], call["name"], "error")
        return ToolMessage(str(request.tool.func(**call["args"])), call["id"], call["name"], "success")
