"""Find where the kaggle package looks for a token, and check that nobody else can read it. No token is ever shown."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from sentiment_batch.errors import ConfigurationError

HOW_TO_GET_ONE = (
    'create one at https://www.kaggle.com/settings/api ("Generate New Token"), '
    "and save it as ~/.kaggle/access_token, with chmod 600, or set KAGGLE_API_TOKEN"
)

_VARIABLES = ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY")
_OTHERS = 0o077
# A longer value would be taken for a file path and quoted in the system's error.
_USABLE = re.compile(r"[!-~]{1,255}")


def require_safe_credentials() -> None:
    """Raise ConfigurationError if others can read a token file, or a variable holds what cannot be a token."""
    try:
        files = [path for path in _files() if path.is_file()]
    except RuntimeError as error:
        raise ConfigurationError("no home folder, where the kaggle package keeps its files: set HOME") from error
    for path in files:
        if path.stat().st_mode & _OTHERS:
            raise ConfigurationError(f"{path} can be read by others: chmod 600 {shlex.quote(str(path))}")
    for name in _VARIABLES:
        value = os.environ.get(name)
        if value and not _USABLE.fullmatch(value):
            raise ConfigurationError(f"{name} holds blanks, line breaks or too much for a token: {HOW_TO_GET_ONE}")


def has_access_token() -> bool:
    """Return whether there is a token of the new kind, valid or not."""
    from kagglesdk import get_access_token_from_env

    return get_access_token_from_env()[0] is not None


def _files() -> Iterator[Path]:
    home = Path("~/.kaggle").expanduser()
    for name in ("access_token", "access_token.txt", "kaggle.json", "credentials.json"):
        yield home / name
    configured = os.environ.get("KAGGLE_CONFIG_DIR")
    if configured:
        yield Path(configured) / "kaggle.json"
    yield Path(os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()) / "kaggle" / "kaggle.json"
    token = os.environ.get("KAGGLE_API_TOKEN")
    if token and _USABLE.fullmatch(token):
        yield Path(token)
