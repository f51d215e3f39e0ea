"""What people do in Slack, as the page and the tests make them do it."""

import json
import re
from collections.abc import Iterator

from tests.sandbox.control import NotPossibleError
from tests.sandbox.slack import payloads, views
from tests.sandbox.slack.answers import after_command, after_submission
from tests.sandbox.slack.blocks import blocks_of, elements_of
from tests.sandbox.slack.delivery import Answer, Delivery
from tests.sandbox.slack.kinds import Channel, Ephemeral, Json, Message, View
from tests.sandbox.slack.payloads import Press
from tests.sandbox.slack.people import BOT_USER, Person
from tests.sandbox.slack.values import FILLED, Value, fillable, missing, put
from tests.sandbox.slack.workspace import Workspace


class Acts:
    """Presses, submissions, commands: each one signed request and what Slack makes of its answer.

    All raise NotPossibleError where a person could not do that.
    """

    def __init__(self, space: Workspace, delivery: Delivery) -> None:
        self.space, self.delivery = space, delivery

    async def click(
        self, user: str, ts: str, action_id: str, origin: str, value: Value = None
    ) -> Answer:
        """Press an element of a message.

        `value` is what is chosen in an element that holds something; for a button it stands in
        for the button's own, as on a client that still shows an older card.
        """
        space = self.space
        with space.world.lock:
            person, source = self.person(user), self._source(user, ts)
            block, element, value = _find(_versions(source), action_id, value)
            press = Press(person, block, element, _held(element, value))
            key = space.new_response_url(user, source.channel, source)
            url = self._response_url(key, origin)
            payload = payloads.pressed_in_message(space, press, source, url)
        answer = await self._interact(payload)
        self._warn_unless(answer, user, source.channel, source.ts)
        return answer

    async def press_in_view(
        self, user: str, place: str, action_id: str, value: Value = None
    ) -> Answer:
        """Press an element of the open modal (`place` "modal") or of the Home tab ("home")."""
        space = self.space
        with space.world.lock:
            person, view = self.person(user), self._view(user, place)
            block, element, value = _find(iter([view.content["blocks"]]), action_id, value)
            press = Press(person, block, element, _held(element, value))
            if element["type"] in FILLED:
                state = {"type": element["type"], **press.state}
                view.values[block["block_id"]][action_id] = state
            payload = payloads.pressed_in_view(space, press, view)
        answer = await self._interact(payload)
        self._warn_unless(answer, user, "", view.id)
        return answer

    async def submit(self, user: str, values: dict[str, dict[str, Value]]) -> Json:
        """Fill in and submit the modal a person has open: `status`, `errors`, `view`.

        What is not named keeps what it holds. Status 0 means that Slack's client did not send it.
        """
        space = self.space
        with space.world.lock:
            person, view = self.person(user), self._view(user, "modal")
            if "submit" not in view.content:
                raise NotPossibleError("this modal has no submit button")
            _fill_in(view, values)
            view.errors, view.warning = missing(view.content["blocks"], view.values), ""
            space.world.changed.bump()
            if view.errors:
                return {"status": 0, "errors": view.errors, "view": views.shown(view)}
            payload = payloads.submitted(space, person, view)
        answer = await self._interact(payload)
        with space.world.lock:
            after_submission(space, view, answer)
            left = space.open_view(user)
            return {
                "status": answer.status,
                "errors": view.errors | ({"": view.warning} if view.warning else {}),
                "view": views.shown(left) if left else None,
            }

    async def close(self, user: str) -> None:
        """Close the modal on top; the app hears of it if it asked to."""
        space = self.space
        with space.world.lock:
            person, view = self.person(user), self._view(user, "modal")
            space.stacks[user].pop()
            space.world.changed.bump()
            payload = payloads.closed(person, view, cleared=False)
        if view.content.get("notify_on_close"):
            await self._interact(payload)

    async def command(self, user: str, text: str, channel: str, origin: str) -> Json:
        """Type `/overdue <text>`: the answer's `status` and `text`."""
        space = self.space
        with space.world.lock:
            person, place = self.person(user), self._place(user, channel)
            form = payloads.command_form(space, person, place, escaped(space, text))
            key = space.new_response_url(user, place.id, None)
            form["response_url"] = self._response_url(key, origin)
        answer = await self.delivery.form(form)
        with space.world.lock:
            return after_command(space, user, place.id, answer)

    async def open_home(self, user: str) -> Answer:
        """Open the App Home tab."""
        with self.space.world.lock:
            envelope = payloads.home_opened(self.space, self.person(user))
        return await self.delivery.event(envelope)

    def person(self, user: str) -> Person:
        """Someone of the cast."""
        found = self.space.people.get(user)
        if found is None or found.id == BOT_USER:
            raise NotPossibleError(f"nobody here is called {user}")
        return found

    def _response_url(self, key: str, origin: str) -> str:
        return f"{self.space.url or origin}/slack/response/{key}"

    async def _interact(self, payload: Json) -> Answer:
        return await self.delivery.form({"payload": json.dumps(payload)})

    def _warn_unless(self, answer: Answer, user: str, channel: str, ts: str) -> None:
        with self.space.world.lock:
            self.space.forget_warnings(user, ts)
            if not answer.ok:
                self.space.warn(user, channel, ts, trouble(answer))

    def _source(self, user: str, ts: str) -> Message | Ephemeral:
        for private in self.space.ephemerals:
            if (private.user, private.ts) == (user, ts):
                return private
        for message in self.space.messages:
            if message.ts == ts:
                return message
        raise NotPossibleError(f"there is no message {ts}")

    def _view(self, user: str, place: str) -> View:
        home = self.space.homes.get(user)
        view = self.space.open_view(user) if place == "modal" else home
        if view is None:
            raise NotPossibleError(f"{user} has no {place} open")
        return view

    def _place(self, user: str, wanted: str) -> Channel:
        channels = self.space.channels
        if wanted and wanted not in channels:
            raise NotPossibleError(f"there is no channel {wanted}")
        joined = [one for one in channels.values() if not one.user and BOT_USER in one.members]
        if not wanted and not joined:
            return self.space.direct(user)
        return channels[wanted] if wanted else joined[0]


def trouble(answer: Answer) -> str:
    """What Slack's client says beside something that the app did not acknowledge."""
    if answer.status == 0:
        return "This app took too long to respond, or could not be reached (operation_timeout)."
    return f"This app responded with status code {answer.status} (dispatch_failed)."


def escaped(space: Workspace, text: str) -> str:
    """Command text under `should_escape`: entities, and `@name` and `#channel` as tokens."""
    for old, new in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(old, new)
    for person in space.people.values():
        token = f"<@{person.id}|{person.name}>"
        text = re.sub(rf"@{re.escape(person.name)}\b", token, text)
    for channel in space.channels.values():
        if not channel.user:
            token = f"<#{channel.id}|{channel.name}>"
            text = re.sub(rf"#{re.escape(channel.name)}\b", token, text)
    return text


def _versions(source: Message | Ephemeral) -> Iterator[list[Json]]:
    yield source.blocks
    if isinstance(source, Message):
        yield from reversed(source.earlier)


def _find(versions: Iterator[list[Json]], action_id: str, value: Value) -> tuple[Json, Json, Value]:
    """The element with this action id, its block, and what is chosen in it.

    An entry of an overflow menu is also found by the first word of its value, as a person finds
    it by its label.
    """
    for blocks in versions:
        inside = [(b, e) for b in blocks_of(blocks) for e in elements_of(b)]
        for block, element in inside:
            if element["action_id"] == action_id:
                return _with_value(block, element, value)
        for block, element in inside:
            if element["type"] == "overflow" and (chosen := _entry(element, action_id)):
                return block, element, chosen
    if not isinstance(value, str):
        raise NotPossibleError(f"nothing here has or had the action {action_id}")
    text = {"type": "plain_text", "text": action_id, "emoji": True}
    button = {"type": "button", "action_id": action_id, "text": text, "value": value}
    return {"type": "actions", "block_id": "gone", "elements": [button]}, button, value


def _entry(element: Json, word: str) -> str:
    """The value of the option that is called so, or empty."""
    values = [str(option["value"]) for option in element["options"]]
    return next((value for value in values if word in (value, value.split(" ")[0])), "")


def _with_value(block: Json, element: Json, value: Value) -> tuple[Json, Json, Value]:
    if element["type"] == "button" and value is not None:
        return block, element | {"value": value}, value
    if element["type"] == "overflow" and isinstance(value, str):
        return block, element, _entry(element, value) or value
    return block, element, value


def _held(element: Json, value: Value) -> Json:
    try:
        if element["type"] == "overflow":
            return {
                "selected_option": put(element | {"type": "static_select"}, value)[
                    "selected_option"
                ]
            }
        if element["type"] in FILLED:
            return {name: held for name, held in put(element, value).items() if name != "type"}
    except ValueError as error:
        raise NotPossibleError(str(error)) from error
    return {}


def _fill_in(view: View, values: dict[str, dict[str, Value]]) -> None:
    known = {
        (block["block_id"], element["action_id"]): element
        for block, element in fillable(view.content["blocks"])
    }
    for block_id, elements in values.items():
        for action_id, value in elements.items():
            if (block_id, action_id) not in known:
                raise NotPossibleError(f"this modal has no input {block_id} / {action_id}")
            view.values[block_id][action_id] = _filled(known[block_id, action_id], value)


def _filled(element: Json, value: Value) -> Json:
    try:
        return put(element, value)
    except ValueError as error:
        raise NotPossibleError(str(error)) from error
