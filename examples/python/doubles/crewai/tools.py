"""Tools, as crewai.tools has them."""

import asyncio
import re


def sanitize_tool_name(name):
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


class BaseTool:
    """A tool: a subclass has _run. The one of CrewAI is a model of pydantic, which sets no unknown attributes."""

    name = ""
    description = ""

    def __init__(self, **fields):
        for key, value in fields.items():
            object.__setattr__(self, key, value)

    def __setattr__(self, key, value):
        if not hasattr(type(self), key) and key not in self.__dict__:
            raise ValueError('"%s" object has no field "%s"' % (type(self).__name__, key))
        object.__setattr__(self, key, value)

    def run(self, **kwargs):
        result = self._run(**kwargs)
        return asyncio.run(result) if asyncio.iscoroutine(result) else result

    def _run(self, **kwargs):
        raise NotImplementedError

    async def _arun(self, **kwargs):
        raise NotImplementedError

    def to_structured_tool(self):
        return CrewStructuredTool(self.name, self.description, self._run, self)


class Tool(BaseTool):
    """A tool made of a function."""

    func = None

    def run(self, **kwargs):
        result = self.func(**kwargs)
        return asyncio.run(result) if asyncio.iscoroutine(result) else result

    def _run(self, **kwargs):
        return self.func(**kwargs)


class CrewStructuredTool:
    def __init__(self, name, description, func, original):
        self.name, self.description, self.func, self._original_tool = name, description, func, original

    def invoke(self, input, config=None):
        result = self.func(**input)
        return asyncio.run(result) if asyncio.iscoroutine(result) else result


def tool(name):
    """Makes a tool of a function: @tool or @tool("name")."""
    if callable(name):
        return Tool(name=name.__name__, description=name.__doc__, func=name)
    return lambda function: Tool(name=name, description=function.__doc__, func=function)
