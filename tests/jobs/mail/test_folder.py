"""Mails as files, and the choice between the two ways of sending."""

import os
from pathlib import Path

import pytest

from jobs.mail.folder import Folder
from jobs.mail.results import NotSent, Sent
from tests.jobs.mail.letters import CUSTOMER, SENDER, built, letter, ours


def test_a_mail_becomes_one_whole_file(tmp_path: Path) -> None:
    """The folder is made, holds the exact bytes for us alone, and nothing half written."""
    folder = Folder(tmp_path / "out")
    assert isinstance(folder.send(SENDER, [CUSTOMER], built(letter()), ours), Sent)
    (file,) = (tmp_path / "out").iterdir()
    assert file.suffix == ".eml"
    assert file.read_bytes() == built(letter())
    assert file.stat().st_mode & 0o777 == 0o600


def test_twice_is_once(tmp_path: Path) -> None:
    """The same Message-ID is the same file; another draft is another one."""
    folder = Folder(tmp_path)
    for one in (letter(), letter(), letter(subject="Another")):
        assert isinstance(folder.send(SENDER, [CUSTOMER], built(one), ours), Sent)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_not_sent(tmp_path: Path) -> None:
    """It may be tried again, and the check says why."""
    (tmp_path / "file").write_text("in the way")
    folder = Folder(tmp_path / "file" / "out")
    result = folder.send(SENDER, [CUSTOMER], built(letter()), ours)
    assert isinstance(result, NotSent)
    assert not result.permanent
    assert not folder.check().ok


def test_a_failed_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk gives up just before the mail gets its name; a later try writes it."""
    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", full_disk)
        result = Folder(tmp_path).send(SENDER, [CUSTOMER], built(letter()), ours)
    assert result == NotSent("The mail could not be written: No space left", permanent=False)
    assert list(tmp_path.iterdir()) == []
    assert isinstance(Folder(tmp_path).send(SENDER, [CUSTOMER], built(letter()), ours), Sent)


def full_disk(*_: object) -> None:
    """What the operating system says when no byte fits any more."""
    raise OSError(28, "No space left")


def test_a_list_of_recipients_is_refused_here_too(tmp_path: Path) -> None:
    """The same face, the same care."""
    result = Folder(tmp_path).send(SENDER, ["a@x.example, b@x.example"], built(letter()), ours)
    assert isinstance(result, NotSent)
    assert result.permanent


def test_a_check_leaves_the_folder_as_it_is(tmp_path: Path) -> None:
    """It only looks whether a file can be written."""
    assert Folder(tmp_path).check().ok
    assert list(tmp_path.iterdir()) == []
