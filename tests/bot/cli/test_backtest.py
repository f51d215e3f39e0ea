"""`overdue backtest`: policies side by side, and what is wrong with a file."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from click.testing import CliRunner, Result

from bot.cli.main import main

PAST = """customer,number,issued,due,amount,currency,settled,disputed
Alder & Sons,1,2024-03-04,2024-03-04,1000,USD,2024-03-11,no
Birch,2,2024-03-04,2024-03-05,40,USD,2024-03-11,
"""


def run(*arguments: str | Path) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(main, ["backtest", *map(str, arguments)])


def test_policies_stand_side_by_side(tmp_path: Path) -> None:
    """A column for each, and a picture; the same past under the same lines is the same."""
    file, picture = tmp_path / "past.csv", tmp_path / "past.svg"
    file.write_text(PAST)
    options: list[str | Path] = ["--days-saved", "3", "--plot", picture]
    for name, lines in ("usual", ""), ("again", ""), ("strict", "[limits.home]\nsmallest = 100\n"):
        policy = tmp_path / name
        policy.write_text(lines)
        options += ["--policy", policy]
    said = run(file, *options)
    assert said.exit_code == 0, said.output
    rows = [line.rsplit(maxsplit=3) for line in said.stdout.splitlines()[1:]]
    cells = {label.strip(): tuple(each) for label, *each in rows}
    assert cells["Messages"] == ("2", "2", "1")
    assert cells["Doubles (must be 0)"] == ("0", "0", "0")
    assert cells["Brought forward at 3 days a message, USD × days"] == ("3,120", "3,120", "3,000")
    assert all(usual == again for usual, again, _ in cells.values())
    drawn = [each.text for each in ElementTree.fromstring(picture.read_bytes()).iter()]
    assert "Messages by week" in drawn
    assert f"{tmp_path / 'strict'}: money expected for each week, and what came (USD)" in drawn


def test_a_wrong_file_is_explained(tmp_path: Path) -> None:
    """Bad lines fail the command after all others have been read; so does a file without any."""
    file = tmp_path / "past.csv"
    file.write_text(f"{PAST.splitlines()[0]}\nAlder,1,today,2024-03-04,1000,USD,,\n")
    said = run(file)
    assert said.exit_code == 1
    assert "line 2, column issued: “today” is no date such as 2024-03-31" in said.stderr
    assert "0 invoices could be read. Mistakes by column: issued 1." in said.stderr

    many = ["Alder,1,2024-03-04,2024-03-04,-1,USD,,", *["Alder;1;x;y"] * 199]
    file.write_text("\n".join([PAST.splitlines()[0], *many]))
    said = run(file)
    assert len(said.stderr.splitlines()) == 102  # a hundred mistakes, how many more, the summary
    assert "… and 100 more." in said.stderr
    assert "Mistakes by column: issued 199, amount 1." in said.stderr

    file.write_text(PAST.splitlines()[0])
    assert "has no invoices" in run(file).stderr
    file.write_bytes(b"\xff\xfe")
    assert "is not UTF-8 text" in run(file).stderr
    assert "ends in .svg" in run(file, "--plot", tmp_path / "a.png").stderr
    policy = tmp_path / "policy.toml"
    policy.write_text("[pace]\ngap_days = -1\n")
    assert "gap_days" in run(file, "--policy", policy).stderr
