"""A double of the OpenAI Agents SDK, so that the quickstart runs where the SDK is not installed.

It has the interface that openai-agents 0.22.0 (19 August 2026) publishes, as far as an agent with
function tools and approvals needs it: Agent, FunctionTool, function_tool, Runner.run, RunState,
ToolApprovalItem, Model. It is written from that interface and not from its code, and it does no
more than an agent of one process: no handoffs, guardrails, sessions, streams, traces or models.
"""

import abc
import asyncio
import dataclasses
import inspect
import json
import typing

__version__ = "0.22.0 (double)"
MAX_TURNS = 10


class AgentsException(Exception):
    """What the SDK raises."""


class UserError(AgentsException):
    """The SDK was used in a wrong way, or a tool failed."""


class ModelBehaviorError(AgentsException):
    """The model did what it should not do, such as arguments that do not fit."""


class MaxTurnsExceeded(AgentsException):
    """The run did not end in time."""


def set_tracing_disabled(disabled):
    """The double traces nothing."""


# What a model answers with: the types of openai.types.responses.


@dataclasses.dataclass
class ResponseFunctionToolCall:
    arguments: str
    call_id: str
    name: str
    type: str = "function_call"


@dataclasses.dataclass
class ResponseOutputText:
    text: str
    annotations: list = dataclasses.field(default_factory=list)
    type: str = "output_text"


@dataclasses.dataclass
class ResponseOutputMessage:
    id: str
    content: list
    role: str = "assistant"
    status: str = "completed"
    type: str = "message"


@dataclasses.dataclass
class Usage:
    requests: int = 0


@dataclasses.dataclass
class ModelResponse:
    output: list
    usage: Usage
    response_id: typing.Optional[str] = None


class Model(abc.ABC):
    @abc.abstractmethod
    async def get_response(
        self, system_instructions, input, model_settings, tools, output_schema, handoffs, tracing, *, previous_response_id, conversation_id, prompt
    ):
        """Answers to the items of input."""

    @abc.abstractmethod
    def stream_response(self, *args, **kwargs):
        """Answers in pieces."""


@dataclasses.dataclass
class ToolContext:
    tool_name: str
    tool_call_id: str
    tool_arguments: str
    context: typing.Any = None


@dataclasses.dataclass
class FunctionTool:
    name: str
    description: str
    params_json_schema: dict
    on_invoke_tool: typing.Callable
    strict_json_schema: bool = True
    needs_approval: typing.Any = False


def _default_failure(context, error):
    return "An error occurred while running the tool. Please try again. Error: %s" % error


_JSON = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object"}


def function_tool(func=None, *, name_override=None, description_override=None, failure_error_function=_default_failure, strict_mode=True, needs_approval=False):
    """Makes a tool of a function: its parameters are those of the function, by their annotations."""
    if func is None:
        return lambda real: function_tool(
            real, name_override=name_override, description_override=description_override,
            failure_error_function=failure_error_function, strict_mode=strict_mode, needs_approval=needs_approval,
        )
    signature, hints = inspect.signature(func), typing.get_type_hints(func)
    properties = {p: {"type": _JSON.get(hints.get(p), "string")} for p in signature.parameters}
    name = name_override or func.__name__

    def read(arguments):
        try:
            given = json.loads(arguments or "{}")
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise ModelBehaviorError("Invalid JSON input for tool %s" % name)
        try:
            bound = signature.bind(**{k: v for k, v in given.items() if k in properties})
        except TypeError as error:
            raise ModelBehaviorError("Invalid JSON input for tool %s: %s" % (name, error)) from error
        for key, value in bound.arguments.items():
            want = hints.get(key)
            if want in _JSON and (not isinstance(value, want) or (want is int and isinstance(value, bool))):
                raise ModelBehaviorError("Invalid JSON input for tool %s: %s is no %s" % (name, key, want.__name__))
        return bound

    async def invoke(context, arguments):
        try:
            bound = read(arguments)
            if inspect.iscoroutinefunction(func):
                return await func(*bound.args, **bound.kwargs)
            return await asyncio.to_thread(func, *bound.args, **bound.kwargs)
        except Exception as error:
            if failure_error_function is None:
                raise
            return failure_error_function(context, error)

    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return FunctionTool(name, description_override or inspect.getdoc(func) or "", schema, invoke, strict_mode, needs_approval)


@dataclasses.dataclass
class Agent:
    name: str
    instructions: typing.Optional[str] = None
    tools: list = dataclasses.field(default_factory=list)
    mcp_servers: list = dataclasses.field(default_factory=list)
    handoffs: list = dataclasses.field(default_factory=list)
    model: typing.Any = None
    prompt: typing.Any = None


@dataclasses.dataclass(eq=False)
class ToolApprovalItem:
    agent: Agent
    raw_item: dict
    type: str = "tool_approval_item"

    @property
    def name(self):
        return self.raw_item.get("name")

    @property
    def arguments(self):
        return self.raw_item.get("arguments")

    @property
    def call_id(self):
        return self.raw_item.get("call_id")


class RunState:
    """A run that is paused before tools. It can be written as JSON, and read in another process."""

    SCHEMA = "1.17"

    def __init__(self, agent, items, pending, decided, turn):
        self._agent, self._items, self._pending, self._decided, self._turn = agent, items, pending, decided, turn

    def get_interruptions(self):
        return [ToolApprovalItem(self._agent, dict(call)) for call in self._pending if call["call_id"] not in self._decided]

    def approve(self, approval_item, always_approve=False):
        self._decide(approval_item, True, None)

    def reject(self, approval_item, always_reject=False, *, rejection_message=None):
        self._decide(approval_item, False, rejection_message or "Tool execution was not approved.")

    def _decide(self, item, approved, message):
        if item.call_id not in {call["call_id"] for call in self._pending}:
            raise UserError("the run does not wait for call %s" % item.call_id)
        self._decided[item.call_id] = {"approved": approved, "message": message}

    def to_json(self):
        return json.loads(json.dumps({
            "$schemaVersion": self.SCHEMA, "current_agent": {"name": self._agent.name}, "items": self._items,
            "pending": self._pending, "decided": self._decided, "current_turn": self._turn,
        }))

    def to_string(self):
        return json.dumps(self.to_json())

    @staticmethod
    async def from_json(initial_agent, state_json):
        if not isinstance(state_json, dict) or state_json.get("$schemaVersion") != RunState.SCHEMA:
            raise UserError("Run state schema version is not supported")
        if state_json["current_agent"]["name"] != initial_agent.name:
            raise UserError("Agent %s not found" % state_json["current_agent"]["name"])
        return RunState(initial_agent, state_json["items"], state_json["pending"], state_json["decided"], state_json["current_turn"])

    @staticmethod
    async def from_string(initial_agent, state_string):
        return await RunState.from_json(initial_agent, json.loads(state_string))


@dataclasses.dataclass
class RunResult:
    final_output: typing.Any
    interruptions: list
    _state: RunState

    def to_state(self):
        return self._state


class Runner:
    @classmethod
    async def run(cls, starting_agent, input, *, max_turns=MAX_TURNS):
        """Runs an agent on a text or items, or goes on with a RunState, until it has said its last word or is paused."""
        if isinstance(input, RunState):
            state = input
        else:
            items = [{"role": "user", "content": input}] if isinstance(input, str) else list(input)
            state = RunState(starting_agent, items, [], {}, 0)
        while True:
            await _tools(starting_agent, state)
            if state._pending:
                return RunResult(None, state.get_interruptions(), state)
            if state._turn >= max_turns:
                raise MaxTurnsExceeded("Max turns (%d) exceeded" % max_turns)
            state._turn += 1
            said = await _answer(starting_agent, state)
            if said is not None:
                return RunResult(said, [], state)


async def _answer(agent, state):
    """Asks the model. It returns what the model said last, or None if the model wants tools."""
    response = await agent.model.get_response(
        agent.instructions, [dict(item) for item in state._items], None, agent.tools, None, [], None,
        previous_response_id=None, conversation_id=None, prompt=None,
    )
    said = ""
    for item in response.output:
        state._items.append(dataclasses.asdict(item))
        if item.type == "function_call":
            state._pending.append(dataclasses.asdict(item))
        else:
            said += "".join(part.text for part in item.content)
    return None if state._pending else said


async def _tools(agent, state):
    """Runs the tools that the model has asked for, but those that wait for an approval."""
    tools = {tool.name: tool for tool in agent.tools}

    async def one(call):
        tool, decided = tools.get(call["name"]), state._decided.get(call["call_id"])
        if tool is None:
            raise ModelBehaviorError("Tool %s not found in agent %s" % (call["name"], agent.name))
        needs = tool.needs_approval
        if callable(needs):
            needs = await needs(None, json.loads(call["arguments"]), call["call_id"])
        if needs and decided is None:
            return
        if decided is not None and not decided["approved"]:
            output = decided["message"]
        else:
            try:
                output = await tool.on_invoke_tool(ToolContext(call["name"], call["call_id"], call["arguments"]), call["arguments"])
            except AgentsException:
                raise
            except Exception as error:
                raise UserError("Error running tool %s: %s" % (call["name"], error)) from error
        state._items.append({"type": "function_call_output", "call_id": call["call_id"], "output": str(output)})
        state._pending.remove(call)

    await asyncio.gather(*(one(call) for call in list(state._pending)))
