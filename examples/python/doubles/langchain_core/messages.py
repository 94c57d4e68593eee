"""Messages, as langchain_core.messages 1.x (August 2026) has them."""

import dataclasses


@dataclasses.dataclass
class HumanMessage:
    content: str
    type: str = "human"


@dataclasses.dataclass
class AIMessage:
    content: str
    tool_calls: list = dataclasses.field(default_factory=list)
    type: str = "ai"


@dataclasses.dataclass
class ToolMessage:
    content: str
    tool_call_id: str
    name: str = ""
    status: str = "success"
    type: str = "tool"
