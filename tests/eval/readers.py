"""Who reads the cases: rules alone, the stand-in model, a real one, or answers kept in files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from jobs.reasoning.model import OPENAI, Failure, Form, Model, ModelAnswer
from jobs.reasoning.prompting import Prompt
from tests.eval.cases import Case
from tests.eval.running import Found
from tests.sandbox.model.service import KEY, StandInModel
from tests.sandbox.world import World, serve

AT_ONCE = 8
NOT_FOUND = "The model's server does not know that model."
"""What the product says of the answer 404, here given where there is no file."""
NAME = "model.txt"
"""The file beside the answers that names the model that gave them."""

Results = list[tuple[Case, Found]]
C = TypeVar("C")
Judge = Callable[[C, Model | None], Found]
"""How a case of some kind is put through the product's code."""


class Remembering(Model):
    """A model that is asked each question once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known: dict[tuple[str, str], ModelAnswer[Any] | Failure] = {}

    def ask(self, prompt: Prompt, data: str, form: type[Form]) -> ModelAnswer[Form] | Failure:
        """The answer given before, if there was one."""
        key = (prompt.label, data)
        if key not in self._known:
            self._known[key] = super().ask(prompt, data, form)
        return self._known[key]


def by_rules(cases: Sequence[C], judge: Judge[C]) -> list[tuple[C, Found]]:
    """Read by phrases, proposed by rules."""
    return [(case, judge(case, None)) for case in cases]


def by_model(cases: Sequence[C], model: Model, judge: Judge[C]) -> list[tuple[C, Found]]:
    """Read and proposed by a model, with the phrases and rules beside it."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(zip(cases, pool.map(lambda case: judge(case, model), cases), strict=True))


@contextmanager
def stand_in() -> Iterator[Model]:
    """The sandbox's model, on loopback."""
    world = World()
    world.add(StandInModel())
    with serve(world.app()) as url:
        model = Remembering(KEY, f"{url}/model/v1")
        yield model
        model.close()


def real(environment: Mapping[str, str] = os.environ, name: str = "") -> Model | None:
    """The model that the product's own settings name, or one of this name where they say it is
    asked; None if they hold no key."""
    key = environment.get("OPENAI_API_KEY", "")
    if not key:
        return None
    return Remembering(
        key,
        environment.get("OPENAI_BASE_URL") or OPENAI,
        name or environment.get("OPENAI_MODEL") or "gpt-6.1-terra",
        environment.get("OPENAI_API") or "responses",
    )


@dataclass
class Filed:
    """Questions and answers as files, so that any model can be measured.

    A question is written to `prompts` until `answers` has a file of its name with the answer. What
    to propose is asked only once the text has been read, so it takes two turns.
    """

    answers: Path | None = None
    prompts: Path | None = None
    unanswered: set[str] = field(default_factory=set)

    def named(self) -> str:
        """Which model gave the answers. Raises FileNotFoundError where nobody has said so."""
        assert self.answers
        return (self.answers / NAME).read_text(encoding="utf-8").strip()

    def results(self, cases: Sequence[C], judge: Judge[C]) -> list[tuple[C, Found]]:
        """The cases whose questions all have an answer."""
        client = httpx2.Client(transport=httpx2.MockTransport(self._answer))
        model = Remembering("none", "http://files.invalid/v1", max_retries=0, http_client=client)
        found = []
        for case in cases:
            result = judge(case, model)
            if NOT_FOUND not in result.failures:
                found.append((case, result))
        model.close()
        return found

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        whole = f"{body['instructions']}\n\n{body['input']}\n"
        id_ = hashlib.sha256(whole.encode()).hexdigest()[:16]
        name = f"{body['text']['format']['name']}-{id_}"
        given = self.answers / f"{name}.json" if self.answers else None
        if given and given.exists():
            return httpx2.Response(200, json=_response(given.read_text(encoding="utf-8")))
        self.unanswered.add(name)
        if self.prompts:
            self.prompts.mkdir(parents=True, exist_ok=True)
            asked = f"{whole}\n{_form(body['text']['format'])}\n"
            (self.prompts / f"{name}.txt").write_text(asked, encoding="utf-8")
        return httpx2.Response(404, json={"error": {"message": "no answer yet"}})


def _form(format_: dict[str, Any]) -> str:
    schema = json.dumps(format_["schema"], ensure_ascii=False)
    return f"Answer with nothing but JSON in the form of this schema:\n{schema}"


def _response(text: str) -> dict[str, Any]:
    """A file's text as an answer of the API; models like to put a fence around JSON."""
    bare = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    part = {"type": "output_text", "text": bare, "annotations": []}
    message = {"type": "message", "id": "m", "status": "completed", "role": "assistant"}
    return {
        "id": "r",
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": "filed",
        "output": [{**message, "content": [part]}],
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
    }
