package main

// agentActor is who acts for an agent that has no name. An agent is not the one who runs it: what they
// submit, it does not cancel, and what it asks for, they may approve.
const agentActor = "mcp_agent"
