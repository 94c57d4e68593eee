"""LangChain agents on gait: a middleware that puts every tool call through the gate of its job.

Copy this file and gait.py beside your worker, and run it under gait job run.

    import gait, langchain_gait

    with gait.job() as job:
        agent = create_agent(model, tools, middleware=[..., langchain_gait.GaitMiddleware(job)], checkpointer=saver)
        result = langchain_gait.invoke(job, agent, {"messages": [("user", "Refund order 7.")]}, config)

Put it last in the list: then nothing is between the gate and the tool, such as a middleware that
runs a tool again. If a person must approve a call, the graph is interrupted, and invoke ends the
process with 75. Started again, invoke takes the graph up, and the gate is asked once more, for the
same call. What the graph is resumed with is no approval. A saver that outlives the process is
needed: see langgraph_gait.py.

Written against langchain 1.x, langgraph 1.2.11 (August 2026), by what they publish.
"""

import asyncio

import gait
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import ToolMessage
from langgraph.types import Command, interrupt

GOES_ON = ("policy_forbids", "policy_permits_none", "policy_diagnostic", "policy_conflict", "intent_invalid", "intent_too_large", "intent_unsupported", "intent_amended")  # the agent is told, and may do something else


class GaitMiddleware(AgentMiddleware):
    """Asks the gate before each tool call, and settles what became of it.

    targets says, by the name of a tool, what the intent has as its target: a text, or a function
    of the arguments.
    """

    def __init__(self, job, targets=None):
        super().__init__()
        self.job, self.targets = job, dict(targets or {})
        self.tools = []  # it brings none

    def wrap_tool_call(self, request, handler):
        call, answer = self._ask(request)
        if answer is not None:
            return answer
        try:
            answer = handler(request)
        except BaseException as error:
            self.job.unknown(call, gait.because(error))
            raise
        self._settle(call, answer)
        return answer

    async def awrap_tool_call(self, request, handler):
        call, answer = await asyncio.to_thread(self._ask, request)
        if answer is not None:
            return answer
        try:
            answer = await handler(request)
        except BaseException as error:
            self.job.unknown(call, gait.because(error))
            raise
        await asyncio.to_thread(self._settle, call, answer)
        return answer

    def _ask(self, request):
        """Returns the call that is allowed now, or what is answered in its place."""
        asked = request.tool_call
        misfit = _misfit(request)
        if misfit:
            return None, _message(asked, "Not run: %s" % misfit, "error")
        if not asked.get("id"):
            raise gait.Blocked({"error": "the call of %s has no id" % asked["name"], "error_code": "block"}, 3)
        target = self.targets.get(asked["name"])
        if callable(target):
            target = target(**asked["args"])
        try:
            try:
                call = self.job.check(asked["name"], asked["args"], target, asked["id"])
            except gait.Waiting as waiting:
                interrupt({"tool": asked["name"], "tool_call_id": asked["id"], "waits_for": str(waiting)})
                call = self.job.check(asked["name"], asked["args"], target, asked["id"])  # resumed: ask again
        except gait.Blocked as blocked:
            if blocked.code not in GOES_ON:
                raise
            return None, _message(asked, gait.words(blocked), "error")
        if not call.done:
            return call, None
        if not isinstance(call.result, dict) or "content" not in call.result:
            raise gait.Blocked({"error": "%s was done, and what it returned cannot be given again" % asked["name"], "error_code": "block"}, 3)
        return call, _message(asked, call.result["content"], "success")

    def _settle(self, call, answer):
        """Says what became of a call. An error that was made a message is one of which it is not known how far the tool came."""
        if getattr(answer, "status", None) == "error":
            self.job.unknown(call, "the tool failed, and the agent is told about it")
        elif isinstance(answer, ToolMessage):
            self.job.settle(call, {"content": answer.content})
        else:
            self.job.settle(call, None)  # a Command: it changes the state of the graph


def invoke(job, agent, input, config):
    """Runs an agent from where it was left, and ends the worker (gait.Waiting) if it is interrupted.

    What the model has asked for is kept before a tool runs (durability="sync"): else, after a kill
    in between, the model is asked again, and the same call comes again under another id.
    """
    return _went(job, agent.invoke(_turn(agent.get_state(config), input), config, durability="sync"))


async def ainvoke(job, agent, input, config):
    """Does as invoke, for an agent that is awaited."""
    return _went(job, await agent.ainvoke(_turn(await agent.aget_state(config), input), config, durability="sync"))


def _turn(left, input):
    return Command(resume=True) if left.interrupts else None if left.next else input


def _went(job, result):
    if result.get("__interrupt__"):
        asked = result["__interrupt__"][0].value
        raise gait.Waiting({"error": "job %s waits: %s" % (job.id, asked), "error_code": "approval_required"}, 4)
    return result


def _misfit(request):
    """Says why a call cannot run, before the gate is asked: then it is certain that nothing ran."""
    if request.tool is None:
        return "there is no tool %s" % request.tool_call["name"]
    schema = getattr(request.tool, "tool_call_schema", None)
    if not hasattr(schema, "model_validate"):
        return None
    try:
        schema.model_validate(request.tool_call["args"])
    except Exception as error:  # pydantic's, of either version
        return "the arguments do not fit. %s" % error
    return None


def _message(asked, content, status):
    return ToolMessage(content=content, name=asked["name"], tool_call_id=asked["id"], status=status)
