"""What middleware is made of."""


class AgentMiddleware:
    tools = ()

    def wrap_tool_call(self, request, handler):
        raise NotImplementedError

    async def awrap_tool_call(self, request, handler):
        raise NotImplementedError
