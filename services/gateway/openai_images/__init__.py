"""OpenAI's Images API, as more than one dialect speaks it: requests, pictures as inputs, answers and streams."""
