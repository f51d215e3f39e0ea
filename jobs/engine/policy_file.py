"""The policy file, read again when it changes, so that no process needs a restart."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from jobs.rules.policy import policy as policies
from jobs.rules.policy.errors import PolicyError
from jobs.rules.policy.policy import Policy
from qbo.pacing import boot_time, utc_now

SETTLED_SECONDS = 2.0
"""How long a file must stay unchanged before it is read: somebody may still be writing it."""

slog = structlog.get_logger()


@dataclass(frozen=True)
class Stamp:
    """Tells one state of a file from another. `changed_at` is in seconds since 1970."""

    inode: int
    size: int
    written_at: int
    changed_at: float


class PolicyFile:
    """Calling it returns the policy now in force: that of `file`, or the defaults without one.

    If a changed file cannot be read or is wrong, the previous policy stays in force; `trouble`
    then says what is wrong, one sentence per mistake. Constructing it raises PolicyError, OSError
    or UnicodeDecodeError, since there is no previous policy to keep.
    """

    def __init__(
        self,
        file: Path | None,
        wall: Callable[[], datetime] = utc_now,
        passed: Callable[[], float] = boot_time,
    ) -> None:
        self._file, self._wall, self._passed = file, wall, passed
        self._stamp = self._present = _stamp(file)
        self._seen, self._seen_at = self._stamp, passed()
        self.text = policies.default_text() if file is None else file.read_text(encoding="utf-8")
        self._policy = policies.load(self.text)
        self.trouble = ""
        self._lock, self._begun_in = threading.Lock(), os.getpid()

    def __call__(self) -> Policy:
        if self._file and self._lock.acquire(blocking=False):  # others keep the loaded policy
            try:
                self._look(self._file)
            finally:
                self._lock.release()
        return self._policy

    @property
    def state(self) -> str:
        """A key for the state of the file last read; the same in every process."""
        last = self._present
        word = f"{last.written_at}-{last.size}" if last else "never there"
        return word if self._stamp else f"gone since {word}"

    def _look(self, file: Path) -> None:
        stamp = _stamp(file)
        if stamp == self._stamp or not self._has_settled(stamp):
            return
        text, policy, trouble = self.text, self._policy, ""
        try:
            text = file.read_text(encoding="utf-8")
            policy = policies.load(text)
        except (OSError, UnicodeDecodeError, PolicyError) as error:
            text, trouble = self.text, _wrong(error)
        if _stamp(file) == stamp:  # otherwise it was changed while being read
            self.text, self._policy, self.trouble, self._stamp = text, policy, trouble, stamp
            self._present = stamp or self._present
            self._say()

    def _has_settled(self, stamp: Stamp | None) -> bool:
        """By its timestamps, or by watching it where they are missing or in the future."""
        if stamp != self._seen:
            self._seen, self._seen_at = stamp, self._passed()
        age = self._wall().timestamp() - stamp.changed_at if stamp else 0.0
        return max(age, self._passed() - self._seen_at) >= SETTLED_SECONDS

    def _say(self) -> None:
        if os.getpid() != self._begun_in:
            return  # each job is a short-lived process; the long-lived ones log it once
        if self.trouble:
            slog.error("policy.refused", why=self.trouble, rules=self._policy.sha256[:12])
        else:
            slog.info("policy.read_again", sha256=self._policy.sha256[:12])


def _stamp(file: Path | None) -> Stamp | None:
    """The file's stamp, or None if there is no file."""
    try:
        found = file.stat() if file else None
    except OSError:
        return None
    if found is None:
        return None
    changed_at = max(found.st_mtime, found.st_ctime)
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns, changed_at)


def _wrong(error: Exception) -> str:
    if isinstance(error, PolicyError):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "The policy file is not UTF-8 text."
    return f"The policy file cannot be read ({type(error).__name__})."
