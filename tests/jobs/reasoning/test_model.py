"""Asking the model: one closed answer, or a sentence why not. Never an exception."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from jobs.reasoning.model import Failure, Model, ModelAnswer
from jobs.reasoning.prompting import fenced, prompt
from jobs.reasoning.proposing import ProposalForm
from jobs.reasoning.reading import ReadingForm
from tests.real_processes import PATIENCE
from tests.sandbox.faults import Fault, Kind
from tests.sandbox.model.service import KEY, StandInModel, whole_answer
from tests.sandbox.world import World

READ = "read_document"
DATA = fenced({"lines": {"1": "We dispute this."}})


def ask(model: Model) -> ModelAnswer[ReadingForm] | Failure:
    """Have one document read."""
    return model.ask(prompt("read_document"), DATA, ReadingForm)


def test_a_good_answer_comes_in_the_form_asked_for(model: Model) -> None:
    """With a record of names, counts and hashes."""
    answer = ask(model)
    assert isinstance(answer, ModelAnswer)
    assert (answer.value.stance, answer.value.lines) == ("dispute", [1])
    record = answer.record
    assert (record.model, record.prompt) == ("gpt-6.1-terra", "read_document/3")
    assert (record.tokens_in > 200, record.tokens_out > 5, record.outcome) == (
        True,
        True,
        "answered",
    )
    assert len(record.answer_sha256) == 64


def test_a_question_alone_does_not_wait_behind_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A case whose texts are read gets its proposal while the texts of others wait to be read."""
    monkeypatch.setattr("jobs.reasoning.model.AT_ONCE", 1)
    asked, go_on = threading.Event(), threading.Event()

    def answer(request: httpx2.Request) -> httpx2.Response:
        if b"many" in request.content:
            asked.set()
            go_on.wait(PATIENCE)
        text = '{"stance": "none", "lines": []}'
        return httpx2.Response(200, json=whole_answer("gpt-6.1-terra", text, ""))

    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    with ThreadPoolExecutor(1) as pool:
        model = Model(KEY, "http://127.0.0.1/v1", http_client=client)
        many = pool.submit(model.ask_all, prompt(READ), ["many"] * 2, ReadingForm)
        assert asked.wait(PATIENCE)
        (alone,) = model.ask_all(prompt(READ), [DATA], ReadingForm)
        assert not many.done()
        go_on.set()
        assert {type(one) for one in [alone, *many.result()]} == {ModelAnswer}
    model.close()


BAD = {
    "refusal": {"declined to answer"},
    "truncated": {"cut off"},
    "unfinished": {"cut off", "failed to answer"},
    "failed": {"failed to answer", "filtered"},
    "empty": {"no answer"},
    "wrong_enum": {"form asked for"},
    "extra_field": {"form asked for"},
    "html": {"not a model"},
    "garbage": {"not a model", "could not be reached", "with an error"},
}


@pytest.mark.parametrize("kind", BAD)
def test_every_bad_answer_is_a_sentence(model: Model, stand_in: StandInModel, kind: str) -> None:
    """Refused, cut, failed, empty, outside the form, or no answer of a model at all."""
    stand_in.enqueue(kind)
    answer = ask(model)
    assert isinstance(answer, Failure)
    assert any(words in answer.reason for words in BAD[kind])
    assert answer.record.outcome == answer.reason


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, "x", "an error (400)"),
        (401, "invalid_api_key", "refused our key"),
        (403, "x", "refused our key"),
        (404, "model_not_found", "does not know that model"),
        (409, "x", "an error (409)"),
        (422, "x", "an error (422)"),
        (429, "rate_limit_exceeded", "too busy"),
        (429, "insufficient_quota", "quota is used up"),
        (500, "x", "an error (500)"),
        (503, "x", "an error (503)"),
    ],
)
def test_every_refusal_of_the_service_is_a_sentence(
    model: Model, stand_in: StandInModel, status: int, code: str, words: str
) -> None:
    """And none of the service's own words are in it."""
    stand_in.enqueue("status", code, status)
    answer = ask(model)
    assert isinstance(answer, Failure)
    assert words in answer.reason
    assert "ordered" not in answer.reason


@pytest.mark.parametrize("kind", ["refuse", "reset", "late", "status", "html", "garbage"])
def test_a_broken_line_is_a_sentence(model: Model, world: World, kind: Kind) -> None:
    """Whatever goes wrong between us and the service."""
    world.faults.add(Fault("model", "POST", kind))
    assert isinstance(ask(model), Failure)


def test_a_late_answer_is_a_sentence(base_url: str, world: World, stand_in: StandInModel) -> None:
    """Our patience ends, and the case gets its template."""
    world.faults.add(Fault("model", "POST", "stall"))
    model = Model(KEY, base_url, max_retries=0, timeout=0.2)
    answer = ask(model)
    model.close()
    assert isinstance(answer, Failure)
    assert answer.reason == "The model did not answer in time."


def test_a_passing_trouble_is_tried_once_more(base_url: str, stand_in: StandInModel) -> None:
    """One retry is all: a card should not wait for minutes."""
    stand_in.enqueue("status", "x", 503)
    model = Model(KEY, base_url, timeout=5)
    assert isinstance(ask(model), ModelAnswer)
    model.close()


def test_a_wrong_key_is_a_sentence_without_the_key(base_url: str, stand_in: StandInModel) -> None:
    """It is found by the check too, before any case needs the model."""
    model = Model("sk-secret", base_url, max_retries=0)
    answer = ask(model)
    assert isinstance(answer, Failure)
    assert answer.reason == model.check() == "The model's server refused our key."
    assert "sk-secret" not in repr(answer) + repr(model)
    model.close()


def test_a_check_looks_for_key_and_model(base_url: str, stand_in: StandInModel) -> None:
    """It asks no question and costs nothing."""
    good, unknown = Model(KEY, base_url), Model(KEY, base_url, "gpt-1")
    assert good.check() == ""
    assert unknown.check() == "The model's server does not know that model."
    assert stand_in.prompts == []
    good.close()
    unknown.close()


@pytest.mark.parametrize(
    ("base_url", "api"),
    [("", "responses"), ("api.openai.com", "chat"), ("https://x.example", "completions")],
)
def test_settings_that_make_no_sense_are_refused_at_once(base_url: str, api: str) -> None:
    """The server is always named by us, never by what the environment happens to hold."""
    with pytest.raises(ValueError, match="OPENAI_"):
        Model(KEY, base_url, api=api)


def sent(base_url: str, api: str, data: str = DATA) -> dict[str, Any]:
    """What goes over the wire to that server."""
    bodies: list[dict[str, Any]] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        bodies.append(json.loads(request.content))
        return httpx2.Response(500)

    with httpx2.Client(transport=httpx2.MockTransport(handler)) as client:
        model = Model(KEY, base_url, api=api, max_retries=0, http_client=client)
        model.ask(prompt("read_document"), data, ReadingForm)
    return bodies[0]


@pytest.mark.parametrize("base_url", ["https://api.openai.com/v1", "https://eu.api.openai.com/v1"])
def test_openai_is_asked_to_keep_nothing(base_url: str) -> None:
    """`store` is false by both APIs, and the static part of the prompt can be cached."""
    for api in ("responses", "chat"):
        body = sent(base_url, api)
        assert (body["store"], body["prompt_cache_key"]) == (False, "read_document/3")


@pytest.mark.parametrize("base_url", ["https://api.openai.com/v1", "http://127.0.0.1:11434/v1"])
def test_what_comes_before_the_data_is_always_the_same(base_url: str) -> None:
    """Instructions and schema first, byte for byte, so that a server can keep and reuse them."""
    texts = [fenced({"lines": {"1": text}}) for text in ("We dispute this.", "Schöne Grüße")]
    for api in ("responses", "chat"):
        before = []
        for data in texts:
            body = json.dumps(sent(base_url, api, data), ensure_ascii=False)
            quoted = json.dumps(data, ensure_ascii=False)
            assert body.count(quoted) == 1
            before.append(body.replace(quoted, "", 1))
            asked = sent(base_url, api, data)
            if api == "responses":
                assert (asked["instructions"], asked["input"]) == (prompt(READ).text, data)
            else:
                told, given = asked["messages"]
                assert (told["content"], given["content"]) == (prompt(READ).text, data)
        assert before[0] == before[1]


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:11434/v1", "https://openai.com.evil/v1"])
def test_other_servers_get_only_what_they_know(base_url: str) -> None:
    """No cache key and no new names; `store` is false wherever an answer could be kept."""
    assert "prompt_cache_key" not in sent(base_url, "responses")
    assert sent(base_url, "responses")["store"] is False
    chat = sent(base_url, "chat")
    assert not {"store", "prompt_cache_key", "max_completion_tokens"} & set(chat)
    assert chat["max_tokens"] == 1000


NONSENSE = (
    b"",
    b"null",
    b"42",
    b"[]",
    b'"text"',
    b"\xff\xfe",
    b"[" * 200_000,
    b"{}",
    b'{"output":"x"}',
    b'{"output":[5]}',
    b'{"output":[{}],"status":"completed"}',
    b'{"output":[{"type":"message"}]}',
    b'{"output":[{"type":"message","content":[{"type":"output_text"}]}]}',
    b'{"output":[{"type":"function_call","name":"x","arguments":"{"}],"status":"completed"}',
    b'{"choices":5}',
    b'{"choices":[{}]}',
    b'{"choices":[{"message":{}}]}',
)


@pytest.mark.parametrize("api", ["responses", "chat"])
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_an_answer_of_any_shape_is_a_sentence(
    api: str, kind: str, subtests: pytest.Subtests
) -> None:
    """Nothing that a server may send makes the step fail."""
    body = b""
    head = {"content-type": kind}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body, headers=head))
    with httpx2.Client(transport=transport) as client:
        model = Model(KEY, "http://x.example/v1", api=api, max_retries=0, http_client=client)
        for body in NONSENSE:
            with subtests.test(repr(body)):
                failure = ask(model)
                assert isinstance(failure, Failure)
                assert (failure.record.model, failure.record.tokens_in) == ("gpt-6.1-terra", 0)


def test_no_tools_are_offered_and_answers_are_capped() -> None:
    """A model of ours can do nothing but answer, and no longer than the form needs."""
    assert ProposalForm.longest_answer == 4 * ReadingForm.longest_answer
    for api in ("responses", "chat"):
        body = sent("https://api.openai.com/v1", api)
        assert not {"tools", "tool_choice", "conversation", "previous_response_id"} & set(body)
        assert 1000 in (body.get("max_output_tokens"), body.get("max_completion_tokens"))
