"""Commands whose packages come with an extra."""

from importlib.util import find_spec

from sentiment_batch.errors import ConfigurationError


def require_extra(extra: str, *modules: str) -> None:
    """Raise ConfigurationError that says what to install, unless all modules are there; imports none of them."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise ConfigurationError(f"{missing[0]} is not installed: pip install 'sentiment-batch[{extra}]'")
