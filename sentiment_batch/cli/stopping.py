"""What ends a run from outside: Ctrl-C, SIGTERM, and the time limit that it was given."""

import logging
import os
import signal
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from sentiment_batch.cli.messages import announce
from sentiment_batch.errors import TryAgainError


class Stopped(BaseException):
    """Someone wants the run to end: `reason` says who, `exit_code` is what for."""

    def __init__(self, reason: str, exit_code: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.exit_code = exit_code


_ECHO_SECONDS = 0.2
_INSISTENCE_SECONDS = 0.1
_INSISTENCES = 100

_STOPS = {
    signal.SIGINT: ("stopped by Ctrl-C", 128 + signal.SIGINT),
    signal.SIGTERM: ("stopped by SIGTERM", 128 + signal.SIGTERM),
    signal.SIGALRM: ("stopped by --deadline", TryAgainError.exit_code),
}


def stop_on_signals() -> None:
    """Raise Stopped in the main thread on the first signal; leave at once on the second."""
    # Who starts a process may have blocked signals for itself, and the process inherits that.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    for number in _STOPS:
        # A process that was started to ignore a signal, as with nohup, goes on ignoring it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    received, sent = os.pipe()
    os.set_blocking(sent, False)
    signal.set_wakeup_fd(sent)
    with suppress(RuntimeError):  # no more threads: then most signals are noticed
        threading.Thread(target=_insist, args=(received,), name="signals", daemon=True).start()


def stop_after(seconds: float) -> None:
    """Raise Stopped in the main thread after that time, whatever the clock on the wall says."""
    signal.signal(signal.SIGALRM, _stop)  # also if the process was started to ignore it
    # A timer of 0 would be none.
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))


def _insist(received: int) -> None:
    """Send each signal to the main thread again until Python has called its handler; if that never comes, leave.

    It does so between two system calls. A signal that another thread took, or that came just before the main thread
    began to read from a silent pipe, would wait for that read. A library that waits for an object store comes back
    after minutes.
    """
    main = threading.main_thread().ident
    while True:
        number = ord(os.read(received, 1))
        # Counted, for a process that is suspended has not had that time.
        for _ in range(_INSISTENCES):
            time.sleep(_INSISTENCE_SECONDS)
            if not main or signal.getsignal(number) is not _stop:
                break
            signal.pthread_kill(main, number)
        else:
            _leave_unheeded(number)


def _leave_unheeded(number: int) -> NoReturn:
    """End the process from another thread than the main one: for the output, that is a kill."""
    reason, exit_code = _STOPS[signal.Signals(number)]
    message = f"{reason} before the end, within a call that does not return: run the same command again"
    try:
        announce("stopped", f"Error: {message}", level=logging.ERROR, exit_code=exit_code, message=message)
    finally:
        os._exit(exit_code)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    stopped = time.monotonic()

    def leave(number: int, frame: FrameType | None) -> None:
        # timeout(1) signals the process and then its group: that is one signal that comes twice.
        if time.monotonic() - stopped > _ECHO_SECONDS:
            os._exit(_STOPS[signal.Signals(number)][1])

    for other in _STOPS:
        if signal.getsignal(other) is _stop:
            signal.signal(other, leave)
    reason, exit_code = _STOPS[signal.Signals(number)]
    raise Stopped(reason, exit_code)
