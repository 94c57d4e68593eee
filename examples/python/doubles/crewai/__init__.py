"""A double of CrewAI: tools, hooks, and an executor that calls tools as CrewAI's two executors do.

Written from what crewai 1.15.17 (21 August 2026) publishes: before_tool_call hooks, of which an
exception is swallowed and False blocks; BaseTool and @tool; native calls of a model, which run a
tool once; calls read from text (ReAct), which run a tool up to four times if it fails.
"""

__version__ = "1.15.17"

from .executor import native_call, react_call  # noqa: E402,F401  (of the double: for tests)
