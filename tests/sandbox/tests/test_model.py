"""The stand-in model refuses what the real service would, and what we promised never to ask."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox.model.schema import not_strict
from tests.sandbox.model.service import KEY, StandInModel
from tests.sandbox.world import World, serve

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"stance": {"type": "string"}},
    "required": ["stance"],
    "additionalProperties": False,
}
FORMAT: dict[str, Any] = {"type": "json_schema", "name": "Form", "strict": True, "schema": SCHEMA}
PROMPT = 'Read this.\n<<<DATA\n{"lines":{"1":"We dispute this."}}\nDATA>>>'
BODY: dict[str, Any] = {
    "model": "gpt-6-luna",
    "input": PROMPT,
    "store": False,
    "text": {"format": FORMAT},
}
CHAT: dict[str, Any] = {
    "model": "gpt-6-luna",
    "messages": [{"role": "user", "content": PROMPT}],
    "response_format": {"type": "json_schema", "json_schema": FORMAT},
}


@pytest.fixture
def stand_in() -> StandInModel:
    """A fresh one."""
    return StandInModel()


@pytest.fixture
def client(stand_in: StandInModel) -> Iterator[httpx.Client]:
    """A client with the right key."""
    world = World()
    world.add(stand_in)
    head = {"Authorization": f"Bearer {KEY}"}
    with serve(world.app()) as url, httpx.Client(base_url=url, headers=head, timeout=5) as client:
        yield client


def ask(client: httpx.Client, **changed: Any) -> httpx.Response:
    """A request of the responses API."""
    return client.post("/model/v1/responses", json=BODY | changed)


def test_both_apis_answer_in_the_form_asked_for(client: httpx.Client) -> None:
    """And keep the prompt for tests that look for what must not be there."""
    text = ask(client).json()["output"][0]["content"][0]["text"]
    chat = client.post("/model/v1/chat/completions", json=CHAT).json()
    assert '"stance": "dispute"' in text
    assert chat["choices"][0]["message"]["content"] == text
    prompts = client.get("/_/model/prompts").json()["prompts"]
    assert len(prompts) == client.get("/_/world").json()["model_prompts"] == 2


def test_the_same_prompt_has_the_same_answer(client: httpx.Client) -> None:
    """Nothing in it is random."""
    assert ask(client).json() == ask(client).json()


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"store": True}, 400, "store must be false"),
        ({"store": None}, 400, "store must be false"),
        ({"tools": []}, 400, "unknown parameter: tools"),
        ({"model": "gpt-4o"}, 404, "does not exist"),
        ({"input": 42}, 400, "input must be"),
        ({"input": "no data"}, 400, "no data"),
        ({"stream": True}, 400, "does not stream"),
        ({"text": {}}, 400, "json_schema"),
        ({"text": {"format": FORMAT | {"strict": False}}}, 400, "strict must be true"),
    ],
)
def test_a_request_out_of_order_is_refused(
    client: httpx.Client, changed: dict[str, Any], status: int, words: str
) -> None:
    """In the error shape of the service."""
    answer = ask(client, **changed)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


def test_a_request_without_the_key_is_refused(client: httpx.Client, stand_in: StandInModel) -> None:
    """And its prompt is not read."""
    answer = client.post("/model/v1/responses", json=BODY, headers={"Authorization": "Bearer x"})
    assert (answer.status_code, stand_in.prompts) == (401, [])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"additionalProperties": True}, "additionalProperties"),
        ({"required": []}, "require all"),
        ({"allOf": []}, "allOf"),
        ({"type": "array"}, "root must be an object"),
        ({"properties": {"stance": {"type": "string", "maxLength": 9}}}, "maxLength"),
        ({"properties": {"stance": {"type": "string", "default": "x"}}}, "default"),
        ({"properties": {"stance": {"type": "array", "items": {"type": "object"}}}}, "additional"),
        ({"$defs": {"A": {"not": {}}}}, "not"),
    ],
)
def test_a_schema_outside_the_strict_subset_is_refused(changed: dict[str, Any], words: str) -> None:
    """With the place and the reason."""
    assert not_strict(FORMAT) == ""
    assert words in not_strict(FORMAT | {"schema": SCHEMA | changed})


def test_a_wrong_answer_can_be_ordered(client: httpx.Client) -> None:
    """By the control call; it is used once."""
    order = {"kind": "captured", "content": {"stance": "mine"}}
    assert client.post("/_/model/next", json=order).json() == {"ok": True}
    assert '{"stance": "mine"}' in ask(client).text.replace("\\", "")
    assert '"stance": "dispute"' in ask(client).text.replace("\\", "")


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"kind": "polite"},
        {"kind": "hostile", "content": "x"},
        {"kind": "status", "status": "x"},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    client: httpx.Client, order: dict[str, Any]
) -> None:
    """400, and the next answer is a good one."""
    assert client.post("/_/model/next", json=order).status_code == 400
    assert ask(client).status_code == 200
