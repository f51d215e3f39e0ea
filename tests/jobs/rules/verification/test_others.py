"""A person's text that names another customer is refused, or asked about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.rules.verification.others import keys_in, name_key, names_others
from tests.jobs.rules.world import facts, invoice

CASE = facts(invoice())
OURS = replace(CASE, customer=replace(CASE.customer, name="Summit Paper & Sons GmbH"))
REFUSED, ASKED, FINE = "another_customer", "like_another_customer", ""
TABLE = [
    ("Peregrine Logistics", "as with Peregrine Logistics last week", REFUSED),
    ("Peregrine Logistics GmbH & Co. KG", "As Peregrine Logistics did", REFUSED),
    ("Peregrine Logistics", "You share it with Peregrine-Logistics.", REFUSED),
    ("Peregrine Logistics", "as with peregrine logistics last week", ASKED),
    ("Peregrine Logistics", "the peregrine, and its logistics", FINE),
    ("Peregrine Logistics", "Peregrine Logisticsville", FINE),
    ("Bo's Bakery", "the goods of Bo’s Bakery", REFUSED),
    ("Müller & Söhne KG", "wie bei Müller & Söhne", REFUSED),
    ("Peregrine", "as with Peregrine last week", ASKED),
    ("Peregrine Ltd", "as with Peregrine last week", ASKED),
    ("Best", "Best to call me. We know the best way.\nBest regards", FINE),
    ("Summit Paper", "Thank you to Summit Paper & Sons GmbH, to Summit and to Summit Paper.", FINE),
    ("Paper Sons", "paper sons, Paper Sons", FINE),
    ("Cora Lindqvist", "Thank you\nCora Lindqvist", FINE),
    ("…", "What … is this?", FINE),
]


@pytest.mark.parametrize(("name", "text", "kind"), TABLE)
def test_a_name_in_a_text(name: str, text: str, kind: str) -> None:
    """Of several words it is refused, also without its legal form; an ordinary word, a part of the
    customer's own name and our own names are none; what is found is what the record finds."""
    found = list(names_others(text, [name], OURS, {"Cora Lindqvist"}))
    assert [one.kind for one in found] == ([kind] if kind else [])
    assert all(one.hard is (kind == REFUSED) for one in found)
    if kind:
        assert name_key(name) in keys_in(text)
