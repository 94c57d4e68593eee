"""CrewAI on gait: tools of a crew that pass the gate of their job, and a guard that refuses all others.

Copy this file and gait.py beside your worker, and run it under gait job run.

    import gait, crewai_gait

    with gait.job() as job, crewai_gait.Guard(job) as guard:
        tools = guard.tools(search, refund)
        crew = Crew(agents=[Agent(..., tools=tools)], tasks=[...])
        print(crew.kickoff())

Each tool asks the gate where it runs, since CrewAI runs a tool again that has failed; a call has no
id there, so that the same tool with the same arguments runs once in the life of the job. The guard
is a hook before each tool call: what was not given to guard.tools does not run, as those that
CrewAI adds by itself (delegation). CrewAI goes on if a hook raises, and runs the tool: so this one
catches all and refuses. When a person must approve a call, or gait fails, nothing more runs, and
the with statement ends with that.

Written against crewai 1.15.17 (August 2026), by what it publishes. Another version may do all this
in another way: the guard does not begin under one.
"""

import functools
import inspect

import crewai
import gait
from crewai.hooks import register_before_tool_call_hook, unregister_before_tool_call_hook
from crewai.tools import BaseTool

VERSIONS = ("1.15.",)
GOES_ON = ("policy_forbids", "policy_permits_none", "policy_diagnostic", "policy_conflict", "intent_invalid", "intent_too_large", "intent_unsupported", "intent_amended")  # the agent is told, and may do something else


class Refused(Exception):
    """What CrewAI tells the agent in the place of a result."""


class Guard:
    """Stands between the tools of a crew and what they do."""

    def __init__(self, job):
        self.job, self.ended = job, None

    def __enter__(self):
        version = getattr(crewai, "__version__", "")
        if not version.startswith(VERSIONS):
            raise gait.Blocked({"error": "crewai %s is not known: the guard was written for %s*" % (version or "?", VERSIONS[0]), "error_code": "block"}, 3)
        register_before_tool_call_hook(self._before)
        return self

    def __exit__(self, kind, error, trace):
        unregister_before_tool_call_hook(self._before)
        if self.ended is not None:
            raise self.ended from error

    def tools(self, *tools, targets=None):
        """Puts the gate before tools of CrewAI, and returns them. targets is by the name of a tool: a text, or a function of the arguments."""
        for tool in tools:
            target = (targets or {}).get(tool.name)
            if callable(getattr(tool, "func", None)):  # made by @tool
                tool.func = self._gated(tool.func, tool.name, target)
                continue
            object.__setattr__(tool, "_run", self._gated(tool._run, tool.name, target))
            if type(tool)._arun is not BaseTool._arun:
                object.__setattr__(tool, "_arun", self._gated(tool._arun, tool.name, target))
        return list(tools)

    def _before(self, context):
        """The hook: False refuses. It returns, whatever happens."""
        try:
            return None if self.ended is None and self._ours(context.tool) else False
        except BaseException:
            return False

    def _ours(self, tool):
        for function in (getattr(tool, "func", None), getattr(tool, "__dict__", {}).get("_run")):
            if getattr(function, "gait_guard", None) is self:
                return True
        original = getattr(tool, "_original_tool", None)
        return original is not None and original is not tool and self._ours(original)

    def _gated(self, function, name, target):
        signature = inspect.signature(function)

        @functools.wraps(function)
        def gated(*args, **kwargs):
            arguments, to = self._asks(signature, args, kwargs, target)
            try:
                return self.job.do(name, arguments, function, to)
            except SystemExit:  # the worker is told to end
                raise
            except BaseException as error:
                raise self._failed(error) from error

        @functools.wraps(function)
        async def gated_async(*args, **kwargs):
            arguments, to = self._asks(signature, args, kwargs, target)
            try:
                return await self.job.do_async(name, arguments, function, to)
            except SystemExit:  # the worker is told to end
                raise
            except BaseException as error:
                raise self._failed(error) from error

        chosen = gated_async if inspect.iscoroutinefunction(function) else gated
        chosen.gait_guard = self
        return chosen

    def _asks(self, signature, args, kwargs, target):
        """Returns the arguments of a call and its target, unless nothing may run any more."""
        if self.ended is not None:
            raise Refused(gait.words(self.ended))
        arguments = _named(signature, args, kwargs)
        return arguments, target(**arguments) if callable(target) else target

    def _failed(self, error):
        """Returns what CrewAI is told. Unless the agent may do something else, nothing more of the run goes ahead."""
        failure = gait.failure_of(error)
        if failure is None:  # of the tool: it is not known how far it came, and a person finds out
            failure = gait.Waiting({"error": "it is not known what became of a call: %s" % gait.because(error), "error_code": "effects_unsettled"}, 4)
        if not (isinstance(failure, gait.Blocked) and failure.code in GOES_ON):
            self.ended = failure
        return Refused(gait.words(failure))


def _named(signature, args, kwargs):
    """Returns the arguments by their names."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    named = {}
    for name, value in bound.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            named.update(value)
        elif kind is not inspect.Parameter.VAR_POSITIONAL:
            named[name] = value
        elif value:
            raise Refused("Not run: arguments without a name cannot be shown to a policy.")
    return named
