"""stand-in"""

from servicekit.calls import Call


class Quiet:
    def call_started(self, call: Call) -> None:
        pass

    def call_finished(self, call: Call, error: BaseException | None) -> None:
        if error is not None:
            import traceback

            traceback.print_exception(error)
