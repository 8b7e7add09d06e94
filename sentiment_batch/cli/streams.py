"""The standard streams, however the process was started: without some (`>&-`), or with some that do not wait."""

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


def wait_for_streams() -> None:
    """Make reading and writing wait, also where another process on the same pipe or terminal has asked not to.

    asyncio, Node.js and ssh ask for that; reading would then take a writer that pauses for the end of the file.
    """
    for number in range(3):
        os.set_blocking(number, True)
