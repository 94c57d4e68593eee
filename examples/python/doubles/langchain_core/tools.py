"""Tools made of functions, as langchain_core.tools 1.x (August 2026) has them."""

import inspect


class _Schema:
    """Stands for the pydantic model of the arguments."""

    def __init__(self, function):
        self.function = function

    def model_validate(self, args):
        try:
            bound = inspect.signature(self.function).bind(**args)
        except TypeError as error:
            raise ValueError(str(error)) from error
        for name, value in bound.arguments.items():
            want = self.function.__annotations__.get(name)
            if isinstance(want, type) and not isinstance(value, want):
                raise ValueError("%s is no %s" % (name, want.__name__))


class StructuredTool:
    def __init__(self, func):
        self.name, self.description, self.func = func.__name__, func.__doc__, func
        self.tool_call_schema = _Schema(func)


def tool(function):
    return StructuredTool(function)
