"""QuickBooks' notifications: checking the signature and parsing the changes. Pure.

Two formats are understood: the CloudEvents array, and the older `eventNotifications` object. Even
a signed event only says which object to read again.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NAMES = ("Invoice", "Payment", "CreditMemo", "Customer", "Preferences")
ENTITIES = {name.lower(): name for name in NAMES}
"""Lower case → the spelling QuickBooks uses elsewhere; other entities keep their name."""
LEGACY_SOURCE = "intuit.eventNotifications"
LONGEST_ID = 64  # characters, of a company or an object; real ones have fewer than 20
LONGEST_ENTITY = 40
LONGEST = 200  # of a source, a type or the id of an event; real ones have fewer than 70

# Documentation and practice disagree on the endings, so the stem decides.
STEMS = {
    "creat": "created",
    "delet": "deleted",
    "merge": "merged",
    "void": "voided",
    "email": "emailed",
}


@dataclass(frozen=True)
class Change:
    """One notified change. `source` and `event_id` together are unique per event.

    `verb` is created, updated, deleted, merged, voided or emailed; an unknown one counts as
    updated, which means "read it again". `deleted_id` is the record that was merged away, or "".
    `at` is None if the notification has no readable time.
    """

    source: str
    event_id: str
    realm: str
    entity: str
    id: str
    verb: str
    at: datetime | None
    deleted_id: str = ""


class Malformed(ValueError):
    """The body, or part of it, is not a notification. `readable` has the changes that are."""

    def __init__(self, message: str, readable: Sequence[Change] = ()) -> None:
        super().__init__(message)
        self.readable = tuple(readable)


def verify(body: bytes, signature: str, tokens: Sequence[str]) -> int | None:
    """The index of the verifier token that signed these raw bytes, or None.

    `signature` is the header `intuit-signature`: base64(HMAC-SHA256(body, token)). Every token
    is tried, in constant time; an empty token never matches.
    """
    given = signature.strip().encode("utf-8", "replace")
    matches = [hmac.compare_digest(_signed(body, token), given) for token in tokens]
    return next((i for i, same in enumerate(matches) if same and tokens[i]), None)


def _signed(body: bytes, token: str) -> bytes:
    return base64.b64encode(hmac.digest(token.encode(), body, hashlib.sha256))


def parse(body: bytes) -> list[Change]:
    """The changes in a notification of either format; an empty body (a probe) has none.

    Raises Malformed, with the readable part if only some events are broken.
    """
    if not body.strip():
        return []
    content = _json(body)
    if isinstance(content, dict) and "eventNotifications" in content:
        return _collect(_legacy_items(content["eventNotifications"]), _legacy)
    if isinstance(content, dict) and "specversion" in content:
        content = [content]
    if isinstance(content, list):
        return _collect(iter(content), _cloud_event)
    raise Malformed("neither an array of events nor eventNotifications")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed("the body is not JSON") from error


def _collect(items: Iterator[Any], read: Callable[[Any], Change]) -> list[Change]:
    changes: list[Change] = []
    broken = ""
    for item in items:
        try:
            changes.append(read(item))
        except Malformed as error:
            broken = str(error)
    if broken:
        raise Malformed(broken, changes)
    return changes


def _cloud_event(event: Any) -> Change:
    if not isinstance(event, Mapping):
        raise Malformed("an event is not an object")
    parts = _need(event, "type").split(".")
    if len(parts) < 3:
        raise Malformed("an event's type names no entity and verb")
    data = event.get("data")
    more = data if isinstance(data, Mapping) else {}
    return Change(
        source=_need(event, "source"),
        event_id=_need(event, "id"),
        realm=_need(event, "intuitaccountid", LONGEST_ID),
        entity=_entity(parts[1]),
        id=_need(event, "intuitentityid", LONGEST_ID),
        verb=_verb(parts[2]),
        at=_time(event.get("time")),
        deleted_id=_may(more, "deletedid", "deletedId", longest=LONGEST_ID),
    )


def _legacy_items(notifications: Any) -> Iterator[Any]:
    """Each entity together with its realm; malformed parts become None."""
    for note in _list(notifications):
        realm = _inside(note, "realmId")
        for entity in _list(_inside(_inside(note, "dataChangeEvent"), "entities")):
            yield {**entity, "realmId": realm} if isinstance(entity, Mapping) else None


def _inside(thing: Any, field: str) -> Any:
    return thing.get(field) if isinstance(thing, Mapping) else None


def _list(thing: Any) -> list[Any]:
    return thing if isinstance(thing, list) else [None]


def _legacy(item: Any) -> Change:
    if not isinstance(item, Mapping):
        raise Malformed("a notification has no realm or no entities")
    return Change(
        source=LEGACY_SOURCE,
        event_id=_derived_id(item),
        realm=_need(item, "realmId", LONGEST_ID),
        entity=_entity(_need(item, "name")),
        id=_need(item, "id", LONGEST_ID),
        verb=_verb(_may(item, "operation")),
        at=_time(item.get("lastUpdated")),
        deleted_id=_may(item, "deletedId", "deletedID", longest=LONGEST_ID),
    )


def _derived_id(item: Mapping[str, Any]) -> str:
    """An id derived from the content, since the old format has none."""
    fields = ("realmId", "name", "id", "operation", "lastUpdated", "deletedId")
    content = json.dumps([item.get(field) for field in fields])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _need(item: Mapping[str, Any], field: str, longest: int = LONGEST) -> str:
    value = _may(item, field, longest=longest)
    if not value:
        raise Malformed(f"an event has no {field}")
    return value


def _may(item: Mapping[str, Any], *fields: str, longest: int = LONGEST) -> str:
    """Text that fits a database column: short, and without control characters."""
    value = next((item[field] for field in fields if item.get(field)), "")
    text = str(value) if isinstance(value, str | int) else ""
    if len(text) > longest or not text.isprintable():
        raise Malformed(f"an event has an unusable {fields[0]}")
    return text


def _entity(name: str) -> str:
    if len(name) > LONGEST_ENTITY:
        raise Malformed("an event has an unusable entity")
    return ENTITIES.get(name.lower(), name)


def _verb(word: str) -> str:
    found = (verb for stem, verb in STEMS.items() if word.lower().startswith(stem))
    return next(found, "updated")


def _time(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None
