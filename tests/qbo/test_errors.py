"""Every shape of fault becomes one error that says what to do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbo import (
    MEANINGS,
    Action,
    BadQuery,
    BooksClosed,
    Doubtful,
    Gone,
    OurBug,
    PoisonedPage,
    QuickBooksError,
    ReadOnly,
    ReauthRequired,
    Refused,
    Stale,
    Throttled,
    TokenExpired,
    Unreachable,
    parse_fault,
)
from qbo.errors import fault_in
from tests.qbo.payload import parsed, raw

JSON = "application/json;charset=UTF-8"


def fault(code: str, message: str = "", detail: str = "", status: int = 400) -> QuickBooksError:
    body = {"Fault": {"Error": [{"Message": message, "Detail": detail, "code": code}]}}
    error = parse_fault(status, JSON, json.dumps(body).encode(), "1-abc")
    assert error
    return error


@pytest.mark.parametrize(
    ("file", "status", "kind"),
    [
        ("fault_query.json", 400, BadQuery),
        ("fault_token.json", 401, TokenExpired),
        ("fault_stale.json", 400, Stale),
        ("fault_period_closed.json", 400, BooksClosed),
        ("fault_gone.json", 400, Gone),
        ("fault_throttled.xml", 429, Throttled),
        ("fault_throttled.xml", 403, Throttled),
        ("fault_stale.json", 200, Stale),
    ],
)
def test_each_recorded_fault_is_understood(
    file: str, status: int, kind: type[QuickBooksError]
) -> None:
    """Capital keys, lower-case keys, XML, and a fault inside a 200 are all read."""
    content_type = "application/xml" if file.endswith("xml") else JSON
    assert type(parse_fault(status, content_type, raw(file))) is kind


@pytest.mark.parametrize(
    ("codes", "kind", "action", "permanent"),
    [
        ("100 3200 3201 003200", TokenExpired, Action.REFRESH, False),
        ("120 3100", ReauthRequired, Action.REAUTH, True),
        ("610", Gone, Action.GONE, True),
        ("5010", Stale, Action.STALE, True),
        ("3001 003001", Throttled, Action.WAIT, False),
        ("6002", Unreachable, Action.RETRY, False),
        ("4002 10000", PoisonedPage, Action.BISECT, False),
        ("6190", ReadOnly, Action.PERSON, True),
        ("6210", BooksClosed, Action.PERSON, True),
        ("620 5020 6140 6240 6540", Refused, Action.PERSON, True),
        ("6000", Doubtful, Action.RETRY, False),
        ("4000 4001", BadQuery, Action.PERSON, True),
        ("500 2010 2020 2030 2050 2170 2210 2500", OurBug, Action.PERSON, True),
    ],
)
def test_each_code_has_one_action(
    codes: str, kind: type[QuickBooksError], action: Action, permanent: bool
) -> None:
    """The table of codes is one mapping to an error, what to do, and whether to try again."""
    for error in map(fault, codes.split()):
        assert (type(error), error.action, error.permanent) == (kind, action, permanent)


def test_every_code_of_the_table_is_among_these() -> None:
    """A code that joins the table is given its action above, too."""
    (table,) = (m.args[1] for m in test_each_code_has_one_action.pytestmark)  # type: ignore[attr-defined]
    assert {int(code) for row in table for code in row[0].split()} == MEANINGS.keys()


@pytest.mark.parametrize("file", ["fault_token.json", "fault_stale.json"])
def test_details_with_secrets_or_names_stay_out(file: str) -> None:
    """A piece of a token and the name of a person are in no text an error can show."""
    error = parse_fault(400, JSON, raw(file))
    shown = f"{error} {error!r} {vars(error)}"
    assert "FRAGMENT" not in shown
    assert "Rosa" not in shown


def test_the_detail_of_a_query_error_is_shown() -> None:
    """What is wrong with a statement of ours is said, since it names only fields."""
    assert "Invioce" in str(parse_fault(400, JSON, raw("fault_query.json")))


def test_intuit_tid_is_kept_and_shown() -> None:
    """Intuit's name for the request stands in the error, to quote to their support."""
    error = fault("610")
    assert error.intuit_tid == "1-abc"
    assert "intuit_tid 1-abc" in str(error)


@pytest.mark.parametrize("code", ["0", "", "x"])
def test_a_missing_code_is_read_from_the_message(code: str) -> None:
    """Where the code is 0 or absent, the message may still name it."""
    message = "message=ThrottleExceeded; errorCode=003001; statusCode=429"
    assert type(fault(code, message)) is Throttled


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (502, Unreachable),
        (503, Unreachable),
        (504, Unreachable),
        (404, Unreachable),
        (302, Unreachable),
        (429, Throttled),
        (401, TokenExpired),
    ],
)
@pytest.mark.parametrize("body", [b"<html><h1>502 Bad Gateway</h1></html>", b"", b"\xff\x00", b"{"])
def test_a_gateway_page_is_transient(status: int, kind: type[QuickBooksError], body: bytes) -> None:
    """HTML, nothing, or garbage is judged by its status and may be tried again."""
    error = parse_fault(status, "text/html", body)
    assert type(error) is kind
    assert not error.permanent


def test_a_server_error_is_never_our_fault() -> None:
    """Code 500 means a wrong address at status 400, and an outage at status 500."""
    assert type(fault("500", status=400)) is OurBug
    assert type(fault("500", status=500)) is Unreachable


def test_an_unknown_code_goes_to_a_person() -> None:
    """A code nobody knows is a refusal, not a reason to try for ever."""
    error = fault("98765")
    assert type(error) is Refused
    assert error.permanent


def test_a_throttle_says_how_long_to_wait() -> None:
    """No Retry-After is sent, so it is the documented minute."""
    error = fault("3001")
    assert isinstance(error, Throttled)
    assert error.retry_after == 60


def test_a_clean_answer_carries_no_fault() -> None:
    """A 200 without a fault is no error."""
    assert parse_fault(200, JSON, b'{"QueryResponse":{},"time":"t"}') is None
    assert fault_in({"QueryResponse": {}}) is None


def test_a_batch_item_is_judged_by_itself() -> None:
    """One item of a batch carries its own fault, beside items that succeeded."""
    assert type(fault_in({**parsed("fault_stale"), "bId": "note-2"})) is Stale


@given(st.integers(300, 599), st.binary(max_size=200), st.sampled_from([JSON, "text/xml", ""]))
def test_no_answer_breaks_the_parser(status: int, body: bytes, content_type: str) -> None:
    """Whatever comes back with an error status becomes an error of ours."""
    assert isinstance(parse_fault(status, content_type, body), QuickBooksError)


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Error", "error", "code", "Message", "detail"]), inner, max_size=3
        )
    ),
)


@given(JSONISH, st.sampled_from(["Fault", "fault"]))
def test_no_fault_of_any_shape_breaks_the_parser(content: object, key: str) -> None:
    """A fault that is not shaped like one is still an error."""
    body = json.dumps({key: content}).encode()
    assert isinstance(parse_fault(400, JSON, body), QuickBooksError)
