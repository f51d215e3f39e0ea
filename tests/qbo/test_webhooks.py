"""Genuine or not, and what is said: both formats of QuickBooks' notifications."""

import base64
import contextlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbo import Malformed
from qbo.webhooks import parse, verify
from tests.qbo.payload import raw

KEY = "overdue-example-verifier-7c2e"
BODY = (
    b'[{"specversion":"1.0","id":"5d0c9e1a-71b4-4f0e-8a63-2c94be07d511",'
    b'"source":"intuit.overdue-example","type":"qbo.invoice.updated.v1",'
    b'"datacontenttype":"application/json","time":"2026-10-05T09:15:30.123456789Z",'
    b'"intuitentityid":"742","intuitaccountid":"4620816365000000001","data":{}}]'
)
SIGNATURE = "osrDpJDimr9ltqtv4A19KkYGQUR10oSY4FrrrgL87VQ="


def event(**changes: Any) -> bytes:
    return json.dumps([{**json.loads(BODY)[0], **changes}]).encode()


def test_the_known_vector_is_genuine() -> None:
    """Base64 of the HMAC-SHA256 of the raw body, exactly as documented."""
    assert len(BODY) == 283
    assert verify(BODY, SIGNATURE, [KEY]) == 0


def test_the_token_that_matched_is_told() -> None:
    """Two verifier tokens on one address: which one signed is worth knowing."""
    assert verify(BODY, f" {SIGNATURE} ", ["another", KEY]) == 1


@pytest.mark.parametrize(
    ("body", "signature", "tokens"),
    [
        (BODY + b" ", SIGNATURE, [KEY]),
        (BODY, SIGNATURE, ["another"]),
        (BODY, SIGNATURE, []),
        (BODY, "", [KEY]),
        (BODY, "é\ud800", [KEY]),
    ],
)
def test_anything_else_is_not_genuine(body: bytes, signature: str, tokens: list[str]) -> None:
    """A changed byte, another key, no key, no signature, or nonsense."""
    assert verify(body, signature, tokens) is None


def test_an_empty_token_signs_nothing() -> None:
    """A setting left empty must not make everybody's signature valid."""
    forged = base64.b64encode(hmac.digest(b"", BODY, "sha256")).decode()
    assert verify(BODY, forged, ["", KEY]) is None


def test_a_cloud_event_is_read() -> None:
    """The newer format: an array of events."""
    (change,) = parse(BODY)
    assert (change.source, change.event_id) == (
        "intuit.overdue-example",
        "5d0c9e1a-71b4-4f0e-8a63-2c94be07d511",
    )
    assert (change.realm, change.entity, change.id) == ("4620816365000000001", "Invoice", "742")
    assert (change.verb, change.deleted_id) == ("updated", "")
    assert change.at == datetime(2026, 10, 5, 9, 15, 30, 123456, tzinfo=UTC)


def test_the_old_format_is_read() -> None:
    """The older format: entities under their company."""
    customer, vendor = parse(raw("notification_old.json"))
    assert (customer.entity, customer.id, customer.verb) == ("Customer", "311", "created")
    assert customer.at == datetime(2026, 4, 11, 16, 30, 5, tzinfo=UTC)
    assert (vendor.verb, vendor.id, vendor.deleted_id) == ("merged", "57", "61")
    assert vendor.at == datetime(2026, 4, 11, 9, 30, 5, tzinfo=UTC)
    assert customer.realm == vendor.realm == "4620816365000000001"


def test_an_old_event_gets_the_same_id_each_time() -> None:
    """A repeated delivery is recognised although the old format has no ids."""
    first, again = parse(raw("notification_old.json")), parse(raw("notification_old.json"))
    assert [c.event_id for c in first] == [c.event_id for c in again]
    assert first[0].event_id != first[1].event_id


def test_an_entity_we_do_not_read_is_kept_as_it_is_called() -> None:
    """It can be recorded, and then left alone."""
    assert parse(raw("notification_old.json"))[1].entity == "Vendor"
    (change,) = parse(event(type="qbo.purchaseorder.created.v1"))
    assert change.entity == "purchaseorder"


@pytest.mark.parametrize(
    ("word", "verb"),
    [
        ("created", "created"),
        ("create", "created"),
        ("Updated", "updated"),
        ("deleted", "deleted"),
        ("merged", "merged"),
        ("void", "voided"),
        ("VOIDED", "voided"),
        ("emailed", "emailed"),
        ("reticulated", "updated"),
    ],
)
def test_verbs_are_known_by_their_stem(word: str, verb: str) -> None:
    """An unknown verb means "read it again", never an error."""
    assert parse(event(type=f"qbo.creditmemo.{word}.v1"))[0].verb == verb


def test_a_merge_names_who_is_gone() -> None:
    """The survivor is the entity; the loser comes in the data."""
    (change,) = parse(event(type="qbo.customer.merged.v1", data={"deletedid": "61"}))
    assert (change.id, change.deleted_id) == ("742", "61")


@pytest.mark.parametrize("body", [b"", b"  \r\n", b"[]"])
def test_a_probe_holds_nothing(body: bytes) -> None:
    """The empty request when an address is saved is no error."""
    assert parse(body) == []


@pytest.mark.parametrize(
    "time", [None, 5, "yesterday", "2026-10-05T09:15:30", "0001-01-01T00:00+14:00"]
)
def test_an_unreadable_time_is_no_reason_to_miss_an_event(time: object) -> None:
    """The time is not needed to read the object again."""
    assert parse(event(time=time))[0].at is None


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"{}",
        b"7",
        b"\xff\xfe\xff",
        b"[7]",
        b"[" * 100_000,
        b'{"eventNotifications":7}',
        b'{"eventNotifications":[{"dataChangeEvent":{"entities":[{"name":"Invoice","id":"1"}]}}]}',
        b'{"eventNotifications":[{"realmId":"1"}]}',
        event(type="invoice"),
        event(intuitaccountid=""),
        event(id=None),
        event(intuitentityid="7" * 65),
        event(intuitaccountid="7" * 65),
        event(data={"deletedid": "7" * 65}),
        event(type=f"qbo.{'x' * 41}.created.v1"),
        event(id="7" * 201),
        event(source="7" * 201),
        event(intuitentityid="7\x00"),
        event(source=["a"]),
    ],
)
def test_what_is_not_a_notification_is_malformed(body: bytes) -> None:
    """A signed body of any other shape is one kind of error."""
    with pytest.raises(Malformed):
        parse(body)


def test_one_broken_event_does_not_hide_the_others() -> None:
    """What can be read of a delivery comes with the error."""
    good, bad = json.loads(BODY)[0], {"specversion": "1.0"}
    with pytest.raises(Malformed) as caught:
        parse(json.dumps([bad, good, bad]).encode())
    assert [change.id for change in caught.value.readable] == ["742"]


def test_a_single_event_without_its_array_is_read() -> None:
    """A lone object with a specversion is an event, too."""
    assert parse(json.dumps(json.loads(BODY)[0]).encode()) == parse(BODY)


FIELDS = [
    "eventNotifications",
    "realmId",
    "dataChangeEvent",
    "entities",
    "specversion",
    "type",
    "id",
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(ANYTHING)
def test_any_json_is_read_or_malformed(content: object) -> None:
    """Nothing that parses as JSON raises anything else."""
    with contextlib.suppress(Malformed):
        parse(json.dumps(content).encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_malformed(body: bytes) -> None:
    """Nor do bytes that do not."""
    with contextlib.suppress(Malformed):
        parse(body)
