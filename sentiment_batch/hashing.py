"""The hash of a file."""

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """The sha256 of the file's content, in hexadecimal; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
