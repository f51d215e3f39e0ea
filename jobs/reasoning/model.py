"""The only access to a language model: one question, one closed answer, or a reason why not.

The openai library is imported here and only when a model is asked: it is large, and only the
triage worker needs it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from jobs.reasoning.prompting import Prompt
from jobs.rules.plain import one_line

if TYPE_CHECKING:
    import httpx2
    import openai
    from openai.types.chat import ParsedChatCompletion
    from openai.types.responses import ParsedResponse

OPENAI = "https://api.openai.com/v1"
APIS = ("responses", "chat")
TIMEOUT_SECONDS = 60.0
RETRIES = 1
LONGEST_ANSWER = 4000
"""Tokens, including those for reasoning."""
LONGEST_NAME = 80
"""Characters of the name that an answer gives its model."""
MOST_TOKENS = 10_000_000
"""More than any model takes: a server may say anything."""

Form = TypeVar("Form", bound=BaseModel)


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

    def ask(self, prompt: Prompt, data: str, form: type[Form]) -> ModelAnswer[Form] | Failure:
        """As `Model.ask`."""
        ...


@dataclass(frozen=True)
class _Reply(Generic[Form]):
    """What the two APIs have in common."""

    value: Form | None
    text: str
    model: str
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    complaint: str


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

    def ask(self, prompt: Prompt, data: str, form: type[Form]) -> ModelAnswer[Form] | Failure:
        """Ask once, with the instructions of `prompt` before `data`; never raises for any answer.

        `form` is a pydantic model in the strict subset: no defaults, no extra fields, no string
        lengths. Takes at most two attempts of one timeout each, plus the wait a server asks for.
        """
        try:
            reply = self._reply(prompt, data, form)
        except _mistakes() as error:
            return self._failed(prompt, error)
        if reply.value is None or reply.complaint:
            reason = reply.complaint or "The model gave no answer."
            return Failure(reason, self._record(prompt, reason, reply))
        return ModelAnswer(reply.value, self._record(prompt, "answered", reply))

    def check(self) -> str:
        """Empty if the model exists and the key is valid, otherwise a sentence. Costs nothing."""
        try:
            self._client.models.retrieve(self.name)
        except _mistakes() as error:
            return _sentence(error)
        return ""

    def close(self) -> None:
        """Close the connections that are kept open between questions."""
        if "_client" in self.__dict__:
            self._client.close()

    @cached_property
    def _client(self) -> openai.OpenAI:
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

    def _reply(self, prompt: Prompt, data: str, form: type[Form]) -> _Reply[Form]:
        if self.api == "responses":
            return self._responses(prompt, data, form)
        return self._chat(prompt, data, form)

    def _responses(self, prompt: Prompt, data: str, form: type[Form]) -> _Reply[Form]:
        import openai

        # Every server is sent `store` here: without it this API keeps answers for 30 days, even
        # behind a gateway that does not look like OpenAI.
        answer = self._client.responses.parse(
            model=self.name,
            instructions=prompt.text,
            input=data,
            text_format=form,
            max_output_tokens=LONGEST_ANSWER,
            store=False,
            prompt_cache_key=prompt.label if self._is_openai else openai.omit,
        )
        usage = answer.usage
        return _Reply(
            value=answer.output_parsed,
            text=answer.output_text,
            model=_name(answer.model),
            tokens_in=_count(usage, "input_tokens"),
            tokens_cached=_count(usage, "input_tokens_details", "cached_tokens"),
            tokens_out=_count(usage, "output_tokens"),
            complaint=_responses_complaint(answer),
        )

    def _chat(self, prompt: Prompt, data: str, form: type[Form]) -> _Reply[Form]:
        import openai

        answer = self._client.chat.completions.parse(
            model=self.name,
            messages=[
                {"role": "system", "content": prompt.text},
                {"role": "user", "content": data},
            ],
            response_format=form,
            # Other servers know neither these fields nor the new name of the limit.
            max_completion_tokens=LONGEST_ANSWER if self._is_openai else openai.omit,
            max_tokens=openai.omit if self._is_openai else LONGEST_ANSWER,
            store=False if self._is_openai else openai.omit,
            prompt_cache_key=prompt.label if self._is_openai else openai.omit,
        )
        message, usage = answer.choices[0].message if answer.choices else None, answer.usage
        return _Reply(
            value=message.parsed if message else None,
            text=(message.content if message else "") or "",
            model=_name(answer.model),
            tokens_in=_count(usage, "prompt_tokens"),
            tokens_cached=_count(usage, "prompt_tokens_details", "cached_tokens"),
            tokens_out=_count(usage, "completion_tokens"),
            complaint=_chat_complaint(answer),
        )

    def _failed(self, prompt: Prompt, error: Exception) -> Failure:
        import openai

        reason = _sentence(error)
        empty: _Reply[BaseModel] = _Reply(None, "", self.name, 0, 0, 0, reason)
        cut = (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError)
        unmetered = isinstance(error, (openai.APITimeoutError, *cut, ValidationError))
        return Failure(reason, self._record(prompt, reason, empty), unmetered)

    def _record(self, prompt: Prompt, outcome: str, reply: _Reply[Form]) -> QuestionRecord:
        return QuestionRecord(
            model=one_line(reply.model, LONGEST_NAME) or self.name,
            prompt=prompt.label,
            tokens_in=reply.tokens_in,
            tokens_cached=min(reply.tokens_cached, reply.tokens_in),
            tokens_out=reply.tokens_out,
            answer_sha256=_sha256(reply.text) if reply.text else "",
            outcome=outcome,
        )


def _responses_complaint(answer: ParsedResponse[Form]) -> str:
    parts = [part for item in answer.output if item.type == "message" for part in item.content]
    if any(part.type == "refusal" for part in parts):
        return "The model declined to answer."
    if answer.status == "incomplete":
        return "The model's answer was cut off."
    return "" if answer.status == "completed" else "The model failed to answer."


def _chat_complaint(answer: ParsedChatCompletion[Form]) -> str:
    if not answer.choices:
        return "The model gave no answer."
    choice = answer.choices[0]
    if choice.message.refusal:
        return "The model declined to answer."
    return "" if choice.finish_reason == "stop" else "The model failed to answer."


def _mistakes() -> tuple[type[Exception], ...]:
    """What the library raises or lets through for malformed answers (tested with 3.54.0).

    A wrong form and half a document are ValueErrors, a web page is an AttributeError, a million
    brackets are a RecursionError.
    """
    import openai

    return openai.OpenAIError, ValueError, AttributeError, TypeError, RecursionError


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
        (openai.LengthFinishReasonError, "The model's answer was cut off."),
        (openai.ContentFilterFinishReasonError, "The model's answer was filtered."),
        (ValidationError, "The model's answer was cut off, or not in the form asked for."),
    )


def _name(value: object) -> str:
    """What the answer calls its model; the library does not check it."""
    return value if isinstance(value, str) else ""


def _count(usage: object, *path: str) -> int:
    """A number of tokens; the library checks none of it, and many servers leave parts out."""
    for name in path:
        usage = getattr(usage, name, None)
    return min(max(usage, 0), MOST_TOKENS) if isinstance(usage, int) else 0


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
