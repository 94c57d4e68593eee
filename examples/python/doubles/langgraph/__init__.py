"""A double of LangGraph, from what langgraph 1.2.11 and langgraph-checkpoint 4.2.0 (20 August 2026) publish."""
