"""The OpenAI Agents SDK on gait: every tool call of an agent passes the gate of its job.

Copy this file and gait.py beside your worker, and run it under gait job run.

    import gait, openai_agents_gait

    with gait.job() as job:
        host = openai_agents_gait.Host(job)
        agent = Agent(name="Support", tools=[host.tool(look_up_order), host.tool(refund)])
        result = asyncio.run(host.run(agent, "Refund order 7."))
        print(result.final_output)

The SDK pauses before each tool. The state of the run, as the SDK writes it, is then kept as
content of the job, and the tool goes ahead as far as the gate. If a person must approve it, the
process ends with 75. Started again, it takes the state that was kept, and asks the gate for the
same call: so a call has one id, however often the process is killed, and runs once. Which tools
need an approval is for the policy of the job to say, and not for this program.

Written against openai-agents 0.22.0 (August 2026), by what it publishes.
"""

import asyncio
import contextvars
import functools
import inspect

import agents
import gait

FORMAT = "openai-agents run state"  # what the state of the job holds
GOES_ON = ("policy_forbids", "policy_permits_none", "policy_diagnostic", "policy_conflict", "intent_invalid", "intent_too_large", "intent_unsupported", "intent_amended")  # the agent is told, and may do something else
_CALL = contextvars.ContextVar("gait_call")


class Host:
    """Runs agents as the worker of a job."""

    def __init__(self, job):
        self.job = job
        self._tools = []
        self._ran = False

    def tool(self, function, target=None, name=None, **options):
        """Makes a tool of a function, as function_tool does, that runs when the gate allows it.

        The intent has the arguments that the SDK has read and checked, by their names. target is
        a text, or a function of the arguments that returns one.
        """
        if options.keys() & {"needs_approval", "failure_error_function", "timeout"}:
            raise TypeError("gait says when a tool waits and what becomes of one that failed: leave out needs_approval, failure_error_function and timeout")
        name = name or function.__name__
        made = agents.function_tool(self._gated(function, name, target), name_override=name, failure_error_function=None, **options)

        async def invoke(context, arguments):
            call = {"id": context.tool_call_id, "asked": False}
            token = _CALL.set(call)
            try:
                return await made.on_invoke_tool(context, arguments)
            except agents.ModelBehaviorError as error:
                if call["asked"]:
                    raise
                return "Not run: the arguments do not fit. %s" % error
            finally:
                _CALL.reset(token)

        tool = agents.FunctionTool(
            name=made.name, description=made.description, params_json_schema=made.params_json_schema,
            on_invoke_tool=invoke, strict_json_schema=made.strict_json_schema, needs_approval=True,
        )
        self._tools.append(tool)
        return tool

    async def run(self, agent, input, **options):
        """Runs the agent from where the job was left, and returns the result of the SDK's Runner.

        A job has one run: the next one would go on from what is kept of this.
        """
        if self._ran:
            raise ValueError("a job has one run of agents: make another job for the next")
        self._ran = True
        self._check(agent, set())
        turn = input
        if self.job.state is not None:
            if self.job.state.get("format") != FORMAT or self.job.state.get("sdk") != _sdk():
                raise ValueError("the state of the job is not of %s: go on with what has written it" % _sdk())
            turn = await agents.RunState.from_json(agent, self.job.state["run"])
            turn.approve(self._next(turn.get_interruptions()))
        while True:
            try:
                result = await agents.Runner.run(agent, turn, **options)
            except Exception as error:
                ours = gait.failure_of(error)
                if ours is None:
                    raise
                raise ours from error
            if not result.interruptions:
                return result
            turn = result.to_state()
            item = self._next(result.interruptions)
            self.job.save({"format": FORMAT, "sdk": _sdk(), "run": turn.to_json()}, "the agent wants %s" % item.name)
            turn.approve(item)  # for the SDK: the tool goes as far as the gate

    def _gated(self, function, name, target):
        """Returns the function behind the gate: the innermost place, so that nothing comes between."""
        signature = inspect.signature(function)

        run = function if inspect.iscoroutinefunction(function) else functools.partial(asyncio.to_thread, function)

        @functools.wraps(function)
        async def gated(*args, **kwargs):
            call = _CALL.get()  # none: another one than the SDK calls it, and it does not run
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            arguments = dict(bound.arguments)
            call["asked"] = True
            try:
                return await self.job.do_async(name, arguments, run, target(**arguments) if callable(target) else target, call["id"])
            except gait.Blocked as blocked:
                if blocked.code not in GOES_ON:
                    raise
                return gait.words(blocked)

        return gated

    def _next(self, interruptions):
        """Returns the first call that the SDK has paused before. One at a time: each is asked for and done, or the run ends."""
        item = interruptions[0]
        if item.name not in {tool.name for tool in self._tools} or not item.call_id:
            raise gait.Blocked({"error": "%s does not pass the gate: make it by Host.tool" % item.name, "error_code": "block"}, 3)
        return item

    def _check(self, agent, seen):
        """Refuses an agent that has a tool which never asks."""
        if id(agent) in seen:
            return
        seen.add(id(agent))
        free = [getattr(tool, "name", "?") for tool in agent.tools if not any(tool is ours for ours in self._tools)]
        if type(agent) is not agents.Agent:
            raise ValueError("%s is no plain Agent, and may bring tools that do not pass the gate" % agent.name)
        if getattr(agent, "prompt", None) is not None:
            raise ValueError("the prompt of %s is kept elsewhere, and may bring tools that do not pass the gate" % agent.name)
        if free or getattr(agent, "mcp_servers", None):
            raise ValueError("these tools of %s do not pass the gate: %s" % (agent.name, ", ".join(free) or "those of its MCP servers"))
        for other in agent.handoffs:
            if not isinstance(other, agents.Agent):
                raise ValueError("a handoff of %s is not an Agent, so its tools cannot be checked" % agent.name)
            self._check(other, seen)


def _sdk():
    return "openai-agents %s" % getattr(agents, "__version__", "?")

