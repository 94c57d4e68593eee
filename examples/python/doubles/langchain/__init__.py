"""A double of langchain: create_agent with middleware around tool calls.

Written from what langchain 1.x and langgraph-prebuilt's ToolNode (August 2026) publish:
AgentMiddleware.wrap_tool_call(request, handler), the first of the list outermost; a ToolNode that
answers to arguments which do not fit with a message, and lets other errors through; interrupts,
which re-run the node when the graph is resumed.
"""
