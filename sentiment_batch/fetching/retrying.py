"""Retry requests to a server that may be busy, down or unreachable, and turn failures into errors."""

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


def with_retries(
    ask: Callable[[], Answer],
    server: str,
    refusal: Callable[[int], SentimentBatchError],
    note: Note,
    *,
    repeatable: bool = True,
) -> Answer:
    """Return what `ask` returns, retrying a few times where that helps; `note` is called before each wait.

    A busy server (429) is retried after the delay it names; a failing one (5xx) and a dropped connection only if the
    request is `repeatable`. `refusal` turns any other status into an error.

    Raises that error, TryAgainError (429, 5xx), InputOutputError (no connection), or ConfigurationError (a request that
    cannot be sent). None of them quotes the library: its messages can hold signed URLs, and headers with a token.
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
        # Raised outside the handler: otherwise the caught exception would be shown as its context.
        if not again or pause is None or (after or 0) > _LONGEST_WAIT:
            if repeatable and isinstance(problem, TryAgainError):
                problem.add_note("try again later")
            raise problem
        wait = pause if after is None else after
        note(f"{problem}: trying again in {wait:,.0f} s")
        time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


class _Cut(InputOutputError):
    """A connection that was established, then dropped."""


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
    if isinstance(error, ValueError):  # such as a header with a line break, which it quotes
        return ConfigurationError(f"{server} cannot be asked like this: copy the token, and the proxy's address, anew")
    return _Cut(f"the connection to {server} was cut")


def _retry_after(response: requests.Response) -> float | None:
    """Return the seconds that the server asks to wait, given as a number or a date; None if it does not ask."""
    value = response.headers.get("Retry-After")
    try:
        return None if value is None else float(Retry().parse_retry_after(value))
    except InvalidHeader:
        return None
