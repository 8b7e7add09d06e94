"""Requests to a server that may be busy, down or out of reach: what is asked again, and what ends in which error."""

import json
import time
from collections.abc import Callable
from typing import TypeVar

import requests
from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.util import Retry

from sentiment_batch.errors import ConfigurationError, InputOutputError, SentimentBatchError, TryAgainError

Answer = TypeVar("Answer")
Note = Callable[[str], None]

_PAUSES = (1.0, 2.0, 4.0)
_LONGEST_WAIT = 900.0
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


def patiently(
    ask: Callable[[], Answer],
    server: str,
    refusal: Callable[[int], SentimentBatchError],
    note: Note,
    *,
    repeatable: bool = True,
) -> Answer:
    """What `ask` returns, asked again where that helps; `note` is told before each wait.

    A server that is busy (429) is asked again after the time that it names; one that fails (5xx), and one that cuts
    the connection, a few times, unless the request is not `repeatable`. `refusal` turns any other status into an error.

    Raises that error, TryAgainError (429, 5xx), InputOutputError (no connection), or ConfigurationError (nothing that
    can be sent). None of them quotes the library: its words can hold signed addresses, and headers with a token.
    """
    for pause in (*_PAUSES, None):
        try:
            return ask()
        except (requests.RequestException, ValueError) as error:
            response = getattr(error, "response", None)
            status = 0 if response is None else response.status_code
            after = None if response is None else _retry_after(response)
            problem = _problem(error, status, after, server, refusal)
            again = status == _TOO_MANY_REQUESTS or (repeatable and isinstance(problem, TryAgainError | _Cut))
        # Not raised in the handler: what was caught would be shown with it, as its context.
        if not again or pause is None or (after or 0) > _LONGEST_WAIT:
            if repeatable and isinstance(problem, TryAgainError):
                problem.add_note("try again later")
            raise problem
        wait = pause if after is None else after
        note(f"{problem}: trying again in {wait:,.0f} s")
        time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


class _Cut(InputOutputError):
    """A connection that there was, and is no more."""


def _problem(
    error: Exception,
    status: int,
    after: float | None,
    server: str,
    refusal: Callable[[int], SentimentBatchError],
) -> SentimentBatchError:
    if status == _TOO_MANY_REQUESTS:
        return TryAgainError(f"{server} asks to wait" + (f" {after:,.0f} s" if after else "") + f" ({status})")
    if status >= _SERVER_ERROR:
        return TryAgainError(f"{server} fails for now ({status})")
    if status:
        return refusal(status)
    if any(isinstance(cause, MaxRetryError) for cause in error.args):
        return InputOutputError(f"{server} cannot be reached: check the network, and HTTPS_PROXY if you need a proxy")
    if isinstance(error, json.JSONDecodeError):
        return InputOutputError(f"what answers is not {server}: is there a login page or a proxy in between?")
    if isinstance(error, ValueError):  # such as a header with a line break, which is quoted
        return ConfigurationError(f"{server} cannot be asked like this: copy the token, and the proxy's address, anew")
    return _Cut(f"the connection to {server} was cut")


def _retry_after(response: requests.Response) -> float | None:
    """Seconds that the server asks to wait, whether it names them or a date."""
    value = response.headers.get("Retry-After")
    try:
        return None if value is None else float(Retry().parse_retry_after(value))
    except InvalidHeader:
        return None
