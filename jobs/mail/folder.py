"""Mails as `.eml` files in a folder: to try it without a mail server, or for another program."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.mail.addresses import Unsendable, bare
from jobs.mail.compose import identity
from jobs.mail.results import HELD_UP, Fence, MailerCheck, NotSent, Result, Sent


@dataclass(frozen=True)
class Folder:
    """Writes each mail completely or not at all, under a name derived from its Message-ID."""

    path: Path

    def send(self, sender: str, to: Sequence[str], message: bytes, fence: Fence) -> Result:
        """Write the mail, readable only by us; one that already exists is left as it is."""
        try:
            for address in (sender, *to):
                bare(address)
        except Unsendable as error:
            return NotSent(str(error), permanent=True)
        file = self.path / f"{identity(message)[:32]}.eml"
        try:
            if not file.exists():
                if not fence():
                    return HELD_UP
                self._write(file, message)
        except OSError as error:
            # Even after the rename: writing the same file again is not a second mail.
            return NotSent(f"The mail could not be written: {error.strerror}", permanent=False)
        return Sent(f"Written to {file.name}")

    def check(self) -> MailerCheck:
        """Whether a file can be written there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                return MailerCheck(True, f"{self.path} takes files")
        except OSError as error:
            return MailerCheck(False, f"{self.path} takes no files: {error.strerror}")

    def _write(self, file: Path, message: bytes) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=self.path, suffix=".part")
        try:
            with open(handle, "wb") as part:
                part.write(message)
                part.flush()
                os.fsync(part.fileno())
            os.replace(draft, file)
        except OSError:
            Path(draft).unlink(missing_ok=True)
            raise
        _sync_folder(self.path)


def _sync_folder(path: Path) -> None:
    """Make the new name survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
