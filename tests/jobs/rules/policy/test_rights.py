"""Who looks after a customer, and what that allows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.rules.facts.findings import Absent, Down, Findings, Fresh, Owner, owner
from jobs.rules.policy.rights import (
    POLICY_FILE,
    SLACK,
    Manager,
    Who,
    account_manager,
    looks_after,
    may,
    may_approve,
    sees,
)
from jobs.rules.rulings import Needed
from jobs.rules.states import Role
from tests.jobs.rules.world import NOW, policy

MARA = Owner("Mara Voss", "mara@brassfern.example")
MARC = Owner("Marc Oduya", "marc@brassfern.example")
CRM = Manager("UMARA", "CRM", "Mara Voss")
UNKNOWN = Manager("", "CRM", "Mara Voss")
FILE = Manager("UFILE", POLICY_FILE)
IN_SLACK = Manager("UNAMED", SLACK)
NAMES = policy("""
[people]
managers_approve = true
[[account_manager]]
slack = "UFILE"
customers = ["58"]
""")
NOBODY = policy("[people]\nmanagers_approve = true\n")
OURS = Findings(Fresh(NOW), owner=MARA)


@pytest.mark.parametrize(
    ("findings", "named"),
    [
        ({}, None),
        ({"CRM": Findings(Fresh(NOW))}, None),
        ({"CRM": OURS}, ("CRM", MARA)),
        ({"help desk": Findings(Fresh(NOW)), "CRM": OURS}, ("CRM", MARA)),
        ({"CRM": OURS, "help desk": OURS}, ("CRM", MARA)),
        ({"CRM": OURS, "help desk": replace(OURS, owner=MARC)}, None),
        ({"CRM": replace(OURS, doubtful="Two companies match.")}, None),
        ({"CRM": replace(OURS, freshness=Down(NOW, "It is away."))}, None),
        ({"CRM": replace(OURS, freshness=Absent())}, None),
        ({"CRM": replace(OURS, owner=Owner("Mara", "mara\x00@brassfern.example"))}, None),
        ({"CRM": replace(OURS, owner=Owner("Mara", "m" * 400 + "@brassfern.example"))}, None),
    ],
)
def test_whom_the_sources_name(
    findings: dict[str, Findings], named: tuple[str, Owner] | None
) -> None:
    """One person with an address, from a source that answers and is sure whom it is about."""
    assert owner(findings) == named


@pytest.mark.parametrize("manager", [None, CRM, UNKNOWN])
def test_the_policy_file_goes_first(manager: Manager | None) -> None:
    """The owner in a source counts only where the file names nobody for this customer."""
    assert account_manager("58", NAMES, manager) == FILE
    assert account_manager("61", NAMES, manager) == manager
    assert account_manager("58", NOBODY, manager) == manager


def test_a_person_named_in_slack_goes_before_all() -> None:
    """Before the policy file and every source; and approves as somebody in the file does."""
    assert account_manager("58", NAMES, CRM, "UNAMED") == IN_SLACK
    assert account_manager("61", NOBODY, None, "UNAMED") == IN_SLACK
    assert may_approve("UNAMED", NONE, IN_SLACK, NAMES, ONE)
    assert not may_approve("UFILE", NONE, IN_SLACK, NAMES, ONE)
    assert not may_approve("UNAMED", NONE, IN_SLACK, policy(), ONE)


ONE, TWO = Needed(1, False, False), Needed(2, True, False)
LEAD, COLLECTOR = frozenset({Role.FINANCE_LEAD}), frozenset({Role.COLLECTOR})
NONE = frozenset[Role]()


@pytest.mark.parametrize(
    ("user", "roles", "manager", "edits", "approves"),
    [
        ("UMARA", NONE, CRM, True, False),
        ("UMARA", NONE, FILE, False, False),
        ("UFILE", NONE, FILE, True, True),
        ("UOTHER", NONE, CRM, False, False),
        ("", NONE, UNKNOWN, False, False),
        ("UMARA", NONE, UNKNOWN, False, False),
        ("UMARA", NONE, None, False, False),
        ("UMARA", COLLECTOR, CRM, True, True),
        ("ULEAD1", LEAD, None, True, True),
        ("ULEAD1", LEAD, UNKNOWN, True, True),
        ("ULEAD1", LEAD, CRM, True, True),
    ],
)
def test_what_an_account_manager_may(
    user: str, roles: frozenset[Role], manager: Manager | None, edits: bool, approves: bool
) -> None:
    """Work on the own customer's cases; approve only where the policy file says so."""
    named = NAMES if manager is FILE else NOBODY
    assert looks_after(user, manager) <= edits
    assert may(Who.EDITOR, user, roles, manager) is edits
    assert may(Who.SETTLER, user, roles, manager) is bool(roles)
    assert may(Who.LEAD, user, roles, manager) is (roles == LEAD)
    nobody_named = manager in (None, UNKNOWN)
    cares = looks_after(user, manager) or (roles == LEAD and nobody_named)
    assert may(Who.MANAGER, user, roles, manager) is cares
    assert may_approve(user, roles, manager, named, ONE) is approves
    assert may_approve(user, roles, manager, named, TWO) is bool(roles)


def test_whose_figures_a_manager_sees() -> None:
    """Those of the own customers; a collector's and a finance lead's are all."""
    assert sees(NONE, frozenset({"61"})) == frozenset({"61"})
    assert sees(frozenset({Role.ACCOUNT_MANAGER}), frozenset()) == frozenset()
    assert sees(COLLECTOR, frozenset({"61"})) is None
