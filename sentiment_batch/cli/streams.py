"""The standard streams, also of a process that was started without them (`>&-`)."""

import os
import sys


def open_missing_streams() -> None:
    """Open a stand-in for each: or the next file to be opened would get its number, and what is printed with it.

    Nothing comes from stdin; nobody reads stdout, so that writing to it fails; what is said on stderr is dropped.
    """
    for number, name, how in ((0, "stdin", "r"), (1, "stdout", "r"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDONLY if how == "r" else os.O_WRONLY)
            if descriptor != number:
                os.dup2(descriptor, number)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", encoding="utf-8"))
