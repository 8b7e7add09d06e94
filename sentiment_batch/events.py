"""What happens in a run, told as it happens, to the handlers of the logger `sentiment_batch`; to nobody without any."""

import logging
from typing import Any

LOG = logging.getLogger("sentiment_batch")
LOG.addHandler(logging.NullHandler())  # or what is a warning would be printed where nobody listens


def listen(handler: logging.Handler) -> None:
    """From now on, `handler` gets what its level lets through."""
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)


def tell(event: str, level: int = logging.INFO, **facts: Any) -> None:
    """`facts`, as JSON takes them, go with the record under that name. They hold no text of a review."""
    LOG.log(level, event, extra={"facts": facts})
