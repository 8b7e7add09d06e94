"""What ends a run from outside: Ctrl-C, SIGTERM, and the time limit that it was given."""

import os
import signal
import time
from types import FrameType
from typing import NoReturn

from sentiment_batch.errors import TryAgainError


class Stopped(BaseException):
    """Someone wants the run to end: `reason` says who, `exit_code` is what for."""

    def __init__(self, reason: str, exit_code: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.exit_code = exit_code


_ECHO_SECONDS = 0.2

_STOPS = {
    signal.SIGINT: ("stopped by Ctrl-C", 128 + signal.SIGINT),
    signal.SIGTERM: ("stopped by SIGTERM", 128 + signal.SIGTERM),
    signal.SIGALRM: ("stopped by --deadline", TryAgainError.exit_code),
}


def stop_on_signals() -> None:
    """Raise Stopped in the main thread on the first signal; leave at once on the second."""
    for number in _STOPS:
        # A process that was started to ignore a signal, as with nohup, goes on ignoring it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def stop_after(seconds: float) -> None:
    """Raise Stopped in the main thread after that time, whatever the clock on the wall says."""
    # A timer of 0 would be none.
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    stopped = time.monotonic()

    def leave(number: int, frame: FrameType | None) -> None:
        # timeout(1) signals the process and then its group: that is one signal that comes twice.
        if time.monotonic() - stopped > _ECHO_SECONDS:
            os._exit(_STOPS[signal.Signals(number)][1])

    for other in _STOPS:
        signal.signal(other, leave)
    reason, exit_code = _STOPS[signal.Signals(number)]
    raise Stopped(reason, exit_code)
