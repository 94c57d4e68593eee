"""What LangGraph raises to steer a graph."""


class GraphBubbleUp(Exception):
    pass


class GraphInterrupt(GraphBubbleUp):
    def __init__(self, value=None):
        super().__init__(value)
        self.value = value
