"""The two ways in which CrewAI's executors call a tool."""

from .hooks import ToolCallHookContext, run_before_tool_call_hooks
from .tools import sanitize_tool_name

MAX_ATTEMPTS = 3


def native_call(tools, name, arguments):
    """Calls a tool as a model asks for it. An error becomes the result."""
    structured = {sanitize_tool_name(tool.name): tool.to_structured_tool() for tool in tools}
    original = {sanitize_tool_name(tool.name): tool for tool in tools}
    if run_before_tool_call_hooks(ToolCallHookContext(name, arguments, structured.get(name))):
        return "Tool execution blocked by hook. Tool: %s" % name
    if name not in original:
        return "Tool not found"
    try:
        return original[name].run(**arguments)
    except Exception as error:
        return "Error executing tool: %s" % error


def react_call(tools, name, arguments):
    """Calls a tool that was read from text: after one look of the hooks, again and again if it fails."""
    structured = {sanitize_tool_name(tool.name): tool.to_structured_tool() for tool in tools}
    if name not in structured:
        return "Tool not found"
    if run_before_tool_call_hooks(ToolCallHookContext(name, arguments, structured[name])):
        return "Tool execution blocked by hook. Tool: %s" % name
    for attempt in range(MAX_ATTEMPTS + 1):
        try:
            try:
                return structured[name].invoke(dict(arguments))
            except Exception:
                return structured[name].invoke(arguments)
        except Exception as error:
            failed = error
    return "I encountered an error while trying to use the tool: %s" % failed
