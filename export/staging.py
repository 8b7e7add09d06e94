"""The folder that a bundle is built in: beside the output, and renamed to it when everything has passed."""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sentiment_batch.errors import CannotWriteError
from sentiment_batch.formats import require_utf8
from sentiment_batch.locations import Location
from sentiment_batch.manifest import MANIFEST
from sentiment_batch.overwriting import require_replaceable_folder
from sentiment_batch.publishing import publish

_OF_A_BUNDLE = re.compile(r"(bundle|config|tokenizer)\.json|README\.md|model(_fp16|_quantized)?\.onnx")


@contextlib.contextmanager
def staged(output: Path, *, force: bool) -> Iterator[Path]:
    """An empty folder that becomes `output` when the block ends well, and vanishes when it does not.

    With `force` a bundle that is there is replaced. Raises UsageError for what may not be replaced, and for a name that
    is not UTF-8; CannotWriteError for what can never be a bundle's folder, and for what the file system refuses.
    """
    require_utf8(str(output))
    if not output.parent.is_dir():
        raise CannotWriteError(f"no folder {output.parent} to write {output.name} in")
    require_replaceable_folder(output, MANIFEST, _OF_A_BUNDLE, force=force)
    try:
        work = tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.")
    except OSError as error:
        raise CannotWriteError(f"cannot write in {output.parent}: {error.strerror}") from error
    with work as name:
        # A folder within: the outer one keeps what it replaces, until that is removed too.
        folder = Path(name) / "bundle"
        folder.mkdir()
        yield folder
        require_replaceable_folder(output, MANIFEST, _OF_A_BUNDLE, force=force)  # it may have come up meanwhile
        try:
            publish(folder, Location.parse(str(output)))
        except OSError as error:
            raise CannotWriteError(f"cannot write {output}: {error.strerror}") from error
