"""Hooks before tool calls, as crewai.hooks has them."""

_before = []


class HookAborted(Exception):
    def __init__(self, reason, source=None):
        super().__init__(reason)
        self.reason, self.source = reason, source


class ToolCallHookContext:
    def __init__(self, tool_name, tool_input, tool, agent=None, task=None, crew=None):
        self.tool_name, self.tool_input, self.tool = tool_name, tool_input, tool
        self.agent, self.task, self.crew = agent, task, crew


def register_before_tool_call_hook(hook):
    _before.append(hook)


def unregister_before_tool_call_hook(hook):
    if hook in _before:
        _before.remove(hook)
        return True
    return False


def run_before_tool_call_hooks(context):
    """Returns whether a hook blocks the call. A hook that raises anything else is passed over."""
    for hook in list(_before):
        try:
            if hook(context) is False:
                return True
        except HookAborted:
            return True
        except Exception:  # the framework protects itself from hooks, and not the world from tools
            continue
    return False
