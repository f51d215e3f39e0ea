"""The only access to a language model: one question, one closed answer, or a reason why not.

The openai library is imported here and only when a model is asked: it is large, and only the
triage worker needs it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from jobs.reasoning.prompting import Prompt
from jobs.reasoning.wire import APIS, ClosedForm, RawAnswer
from jobs.rules.plain import one_line

if TYPE_CHECKING:
    import httpx2
    import openai

OPENAI = "https://api.openai.com/v1"
TIMEOUT_SECONDS = 60.0
RETRIES = 1
AT_ONCE = 200
"""How many questions about texts of all cases a process asks at once: each takes seconds, and
hardly any time of ours."""
WRONG_FORM = "The model's answer is not in the form asked for."
LONGEST_NAME = 80
"""Characters of the name that an answer gives its model."""

Form = TypeVar("Form", bound=ClosedForm)


@dataclass(frozen=True)
class QuestionRecord:
    """The record of one question: no words, only names, counts and hashes (64 hex digits).

    `model` is the one that the answer names, otherwise the one requested. `outcome` is "answered"
    or the sentence of the failure.
    """

    model: str
    prompt: str
    tokens_in: int
    tokens_cached: int
    """Those of `tokens_in` that the server had kept from an earlier question."""
    tokens_out: int
    answer_sha256: str
    outcome: str
    cost: str | None = None
    """In the currency of the policy's prices; None if the price of the model is not known."""


@dataclass(frozen=True)
class ModelAnswer(Generic[Form]):
    """An answer in the requested form; its words are still untrusted."""

    value: Form
    record: QuestionRecord


@dataclass(frozen=True)
class Failure:
    """No usable answer; `reason` is a sentence for a card."""

    reason: str
    record: QuestionRecord
    unmetered: bool = False
    """It may have been charged, but nothing says for how many tokens."""


class Reader(Protocol):
    """Whoever answers one question with one closed form: the model itself, or within a budget."""

    @property
    def name(self) -> str:
        """The model's name in the settings."""
        ...

    def ask_all(
        self, prompt: Prompt, data: Sequence[str], form: type[Form]
    ) -> list[ModelAnswer[Form] | Failure]:
        """As `Model.ask_all`."""
        ...

    def accepted(self, label: str) -> Reader | None:
        """As `Model.accepted`."""
        ...


class Model:
    """A model behind an OpenAI-compatible API ("responses" or "chat"). Safe to use from threads.

    `base_url` is always explicit: a stray environment variable must not redirect prompts.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str = OPENAI,
        model: str = "gpt-6.1-terra",
        api: str = "responses",
        *,
        timeout: float = TIMEOUT_SECONDS,
        max_retries: int = RETRIES,
        http_client: httpx2.Client | None = None,
    ) -> None:
        if api not in APIS:
            raise ValueError(f"OPENAI_API must be one of {', '.join(APIS)}")
        if urlsplit(base_url).scheme not in ("http", "https"):
            raise ValueError("OPENAI_BASE_URL must begin with https:// or http://")
        self.name, self.base_url, self.api = model, base_url, api
        self._api_key, self._timeout, self._max_retries = api_key, timeout, max_retries
        self._http_client = http_client
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="model")
        self._connecting = Lock()
        self._connected: list[openai.OpenAI] = []
        """One at most; models of other names at the same server share it."""

    def ask(self, prompt: Prompt, data: str, form: type[Form]) -> ModelAnswer[Form] | Failure:
        """Ask once, with the instructions of `prompt` before `data`; never raises for any answer.

        `form` is a pydantic model in the strict subset: no defaults, no extra fields, no string
        lengths. Takes at most two attempts of one timeout each, plus the wait a server asks for.
        """
        try:
            raw = self._raw(prompt, data, form)
        except _mistakes() as error:
            return self._failed(prompt, error)
        if raw.complaint:
            return Failure(raw.complaint, self._record(prompt, raw.complaint, raw))
        try:
            value = form.model_validate_json(raw.text)
        except ValidationError:
            return Failure(WRONG_FORM, self._record(prompt, WRONG_FORM, raw))
        return ModelAnswer(value, self._record(prompt, "answered", raw))

    def ask_all(
        self, prompt: Prompt, data: Sequence[str], form: type[Form]
    ) -> list[ModelAnswer[Form] | Failure]:
        """The same question about each of `data`, up to AT_ONCE at the same time; in that order.

        One alone, as a proposal is, does not wait behind the texts of other cases.
        """
        if len(data) == 1:
            return [self.ask(prompt, data[0], form)]
        return list(self._pool.map(lambda one: self.ask(prompt, one, form), data))

    @property
    def label(self) -> str:
        """What a finance lead accepts: the model, and whose it is."""
        return f"{self.name} at {urlsplit(self.base_url).hostname or 'an unnamed server'}"

    def accepted(self, label: str) -> Model | None:
        """The model of this label, if it can be asked here: this one, or another of the same
        server. An empty label is this one."""
        name, _, server = label.rpartition(" at ")
        if label in ("", self.label):
            return self
        if server != self.label.rpartition(" at ")[2]:
            return None
        other = copy(self)
        other.name = name
        return other

    def check(self) -> str:
        """Empty if the model exists and the key is valid, otherwise a sentence. Costs nothing."""
        try:
            self._client.models.retrieve(self.name)
        except _mistakes() as error:
            return _sentence(error)
        return ""

    def close(self) -> None:
        """End the threads, and close the connections that are kept open between questions."""
        self._pool.shutdown()
        for client in self._connected:
            client.close()

    @property
    def _client(self) -> openai.OpenAI:
        """One for all threads: it limits and keeps their connections."""
        with self._connecting:
            if not self._connected:
                self._connected.append(self._new_client())
            return self._connected[0]

    def _new_client(self) -> openai.OpenAI:
        import openai

        return openai.OpenAI(
            api_key=self._api_key,
            base_url=self.base_url,
            timeout=self._timeout,
            max_retries=self._max_retries,
            http_client=self._http_client,
        )

    @property
    def _is_openai(self) -> bool:
        host = urlsplit(self.base_url).hostname or ""
        return f".{host}".endswith(".openai.com")

    def _raw(self, prompt: Prompt, data: str, form: type[Form]) -> RawAnswer:
        api = APIS[self.api]
        asked = api.question(self.name, prompt, data, form, self._is_openai)
        body = self._client.post(api.path, cast_to=object, body=asked)
        if not isinstance(body, dict):
            raise TypeError("the answer is no JSON object")
        return api.answer(body)

    def _failed(self, prompt: Prompt, error: Exception) -> Failure:
        import openai

        reason = _sentence(error)
        record = self._record(prompt, reason, RawAnswer("", self.name, 0, 0, 0, reason))
        return Failure(reason, record, isinstance(error, openai.APITimeoutError))

    def _record(self, prompt: Prompt, outcome: str, raw: RawAnswer) -> QuestionRecord:
        return QuestionRecord(
            model=one_line(raw.model, LONGEST_NAME) or self.name,
            prompt=prompt.label,
            tokens_in=raw.tokens_in,
            tokens_cached=raw.tokens_cached,
            tokens_out=raw.tokens_out,
            answer_sha256=_sha256(raw.text) if raw.text else "",
            outcome=outcome,
        )


def _mistakes() -> tuple[type[Exception], ...]:
    """What the library raises or lets through for malformed answers (tested with 3.54.0).

    Half a document is a ValueError, a million brackets are a RecursionError; TypeError is ours.
    """
    import openai

    return openai.OpenAIError, ValueError, TypeError, RecursionError


def _sentence(error: Exception) -> str:
    """What went wrong, for a person; never in the server's own words."""
    import openai

    if isinstance(error, openai.RateLimitError):
        if error.code == "insufficient_quota":
            return "The model's quota is used up."
        return "The model is too busy just now."
    for kind, sentence in _sentences():
        if isinstance(error, kind):
            return sentence
    if isinstance(error, openai.APIStatusError):
        return f"The model's server answered with an error ({error.status_code})."
    return "The server that answered is not a model."


def _sentences() -> tuple[tuple[type[Exception], str], ...]:
    """Exceptions and what they mean, the more specific first."""
    import openai

    return (
        (openai.APITimeoutError, "The model did not answer in time."),
        (openai.APIConnectionError, "The model could not be reached."),
        (openai.AuthenticationError, "The model's server refused our key."),
        (openai.PermissionDeniedError, "The model's server refused our key."),
        (openai.NotFoundError, "The model's server does not know that model."),
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
