"""Where the rows of a job go, and what stands there: a file, or a folder of parts; here or in an object store."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs

from sentiment_batch.durable import sync_folder
from sentiment_batch.errors import CannotWriteError, InputOutputError, UsageError, first_line
from sentiment_batch.locations import REJECTS, Location, plain_name
from sentiment_batch.overwriting import require_replaceable

RECEIPT = ".receipt.json"
INCOMPLETE = ".incomplete.json"
# What a folder of rows holds, of ours as of other programs.
_OF_A_FOLDER = re.compile(r"\.?(_SUCCESS(\.crc)?|part-.*)")


@dataclass(frozen=True)
class Output:
    """`in_new_folder`: the folder that it is in may have to be made first."""

    location: Location
    is_folder: bool = False
    in_new_folder: bool = False

    @classmethod
    def at(cls, location: Location) -> "Output":
        """A folder, if the name ends like one or if there is one; raises UsageError for the root of a file system."""
        if location.is_standard_stream:
            return cls(location)
        if not location.file_name:
            raise UsageError(f"{location.name} cannot be an output: name a file or folder in it")
        return cls(location, plain_name(location.name).endswith("/") or location.kind() == pafs.FileType.Directory)

    @property
    def name(self) -> str:
        return self.location.name

    @property
    def receipt(self) -> Location:
        return self.location.beside(RECEIPT)

    @property
    def incomplete(self) -> Location:
        """What stands in the receipt's place where too many records were rejected."""
        return self.location.beside(INCOMPLETE)

    @property
    def rejects(self) -> Location:
        return self.location.beside(REJECTS)

    @property
    def base(self) -> Path:
        """The path on this machine beside which unfinished work is kept.

        Raises CannotWriteError if there can be no folder for it.
        """
        if self.location.is_local:
            return Path(self.location.path)
        try:
            state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "sentiment-batch"
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (OSError, RuntimeError) as error:  # without a home folder, a RuntimeError
            raise CannotWriteError(
                f"{self.name}: no place on this machine to assemble it in ({error}): name a folder with XDG_STATE_HOME"
            ) from error
        return state / hashlib.sha256(self.location.beside("").name.encode("utf-8")).hexdigest()[:16]

    def require_writable(self, *, force: bool) -> None:
        """Raise CannotWriteError for what can never be an output, or UsageError for one that may not be replaced.

        So that what belongs beside it can be written too, its name may not be too long for that: UsageError.
        """
        if self.location.is_standard_stream:
            return
        if self.location.is_local:
            parent = self.location.parent()
            made = parent.parent() if self.in_new_folder and parent.kind() == pafs.FileType.NotFound else parent
            if made.kind() != pafs.FileType.Directory:
                raise CannotWriteError(f"{self.name}: no folder {parent.name}: create it first")
            longest = os.fsencode(self.incomplete.file_name)
            if len(longest) > os.pathconf(made.path, "PC_NAME_MAX"):
                raise UsageError(f"{self.name}: too long with {INCOMPLETE} behind it: choose a shorter name")
            if Path(self.location.path).is_symlink():
                raise CannotWriteError(f"{self.name} is a symbolic link: name the file itself")
            if os.path.ismount(self.location.path):
                raise CannotWriteError(
                    f"{self.name} is a mount point, which cannot be replaced: name a file or folder in it"
                )
        elif self.location.is_nowhere():
            raise CannotWriteError(f"{self.name}: no such bucket: create it first")
        kind = self.location.kind()
        if kind == pafs.FileType.Unknown:
            raise CannotWriteError(f"{self.name} is a device or a pipe, not a file: name a file (rows also go to -o -)")
        if kind == pafs.FileType.File and self.is_folder:
            raise CannotWriteError(f"{self.name} is a file, not a folder: choose another output")
        if kind == pafs.FileType.Directory and not self.is_folder:
            raise CannotWriteError(f"{self.name} is a folder, not a file: choose another output")
        entries = self._entries() if kind == pafs.FileType.Directory else []
        foreign = [entry.base_name for entry in entries if not _is_part(entry)]
        exists = kind == pafs.FileType.File or bool(entries)
        require_replaceable(self.name, exists=exists, foreign=foreign, force=force)

    def make_folder(self) -> None:
        """Make the folder that it is in, if that may have to be; raises CannotWriteError."""
        if self.in_new_folder and self.location.is_local:
            try:
                Path(self.location.path).parent.mkdir(exist_ok=True)
            except OSError as error:
                raise CannotWriteError(f"{self.location.parent().name}: {first_line(error)}") from error

    def files(self) -> list[Location]:
        """The output's files that are there; of a folder all, in the order of their names."""
        if not self.is_folder:
            return [self.location] if self.location.kind() == pafs.FileType.File else []
        return [self.location.child(entry.base_name) for entry in self._entries()]

    def _entries(self) -> list[pafs.FileInfo]:
        selector = pafs.FileSelector(self.location.path, allow_not_found=True)
        return sorted(self.location.filesystem.get_file_info(selector), key=lambda entry: entry.base_name)

    def rejects_sha256(self) -> str | None:
        """That of the rejects file as it is by now, if there is one; raises InputOutputError."""
        try:
            return self.rejects.sha256() if self.rejects.kind() == pafs.FileType.File else None
        except OSError as error:
            raise InputOutputError(f"{self.rejects.name}: {first_line(error)}") from error

    def withdraw(self) -> None:
        """Remove what says that the output is done; raises OSError."""
        self.receipt.remove()
        self.incomplete.remove()
        if self.location.is_local:
            sync_folder(self.base.parent)

    def describe(self) -> dict[str, Any]:
        """Size in bytes and sha256, of a folder also those of its files; raises OSError."""
        files = [
            {"name": file.file_name, "bytes": file.size(), "sha256": file.sha256()}
            for file in (self.files() if self.is_folder else [self.location])
        ]
        if not self.is_folder:
            return files[0]
        # As `sha256sum * | sha256sum` prints it.
        listing = "".join(f"{file['sha256']}  {file['name']}\n" for file in files)
        return {
            "name": self.location.file_name,
            "bytes": sum(file["bytes"] for file in files),
            "sha256": hashlib.sha256(listing.encode("utf-8")).hexdigest(),
            "files": files,
        }


def _is_part(entry: pafs.FileInfo) -> bool:
    return entry.type == pafs.FileType.File and _OF_A_FOLDER.fullmatch(entry.base_name) is not None
