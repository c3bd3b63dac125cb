"""What a command tells a person when it cannot do what was asked."""


class CommandFailed(Exception):
    """The message says what is wrong and what to do next; `code` is the exit status."""

    def __init__(self, message: str, *, code: int = 1) -> None:
        super().__init__(message)
        self.code = code
