"""The platform as its users meet it: real processes, the official SDK, the command line."""
