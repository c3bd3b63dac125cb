"""The edge's ends of the links to the other services: calls gathered, answers kept for seconds."""
