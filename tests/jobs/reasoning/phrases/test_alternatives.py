"""A tree of alternatives finds what the alternatives find, at the same places."""

from __future__ import annotations

import re

import pytest

from jobs.reasoning.phrases.alternatives import as_tree
from jobs.reasoning.phrases.phrases import WORDS_BETWEEN
from jobs.reasoning.phrases.table import PHRASES
from tests.eval.cases import cases

EVERY = 5
"""Of the written cases, one in so many: they are all in `make eval`."""


@pytest.mark.parametrize(
    ("pattern", "tree"),
    [
        ("abc|abd|x", "a(?:b(?:c|d))|x"),
        ("(?:new|next) bank", "n(?:e(?:w bank|xt bank))"),
        (r"\b(?:sue|suing) you\b", r"s(?<=\bs)(?:u(?:e you\b|ing you\b))"),
        (r"(?<!not )(?<=so )\bpaid", r"p(?<!not p)(?<=so p)(?<=\bp)aid"),
        (
            r"(?:^|(?<=[.!] ))(?:all )?paid",
            r"p(?<=^p)aid|a(?<=^a)ll paid|p(?<=[.!] p)aid|a(?<=[.!] a)ll paid",
        ),
        ("(?:not )?paid|n't", r"paid|n(?:ot paid|'t)"),
        ("as?|[ab]c|a(?:b|c)|ab+", "a(?:s?|(?:b|c)|b+)|[ab]c"),
        ("(?:ab)+|(?:ab){2}|[|(]x", "(?:ab)+|(?:ab){2}|[|(]x"),
        (r"\(a|b\)|(?!x)y", r"b\)|\(a|(?!x)y"),
    ],
)
def test_what_begins_alike_is_one_branch(pattern: str, tree: str) -> None:
    """A letter that may be missing, or come twice, does not begin a branch."""
    assert as_tree(pattern) == tree


def test_every_phrase_is_found_where_it_was() -> None:
    """In real texts, for every stance, in the order of neither."""
    texts = [case.text.lower() for case in cases()[::EVERY] if case.text]
    found = 0
    for table in PHRASES.values():
        rows = "|".join(filter(None, table.replace("~ ", WORDS_BETWEEN).split("\n")))
        plain, tree = re.compile(rows), re.compile(as_tree(rows))
        for text in texts:
            places = {match.start() for match in plain.finditer(text)}
            assert places == {match.start() for match in tree.finditer(text)}
            found += len(places)
    assert len(texts) > 80
    assert found > 50
