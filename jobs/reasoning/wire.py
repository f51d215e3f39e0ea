"""The two OpenAI-compatible APIs on the wire: what a question looks like, and its answer.

We build and read these bodies ourselves: the library's own models of an answer cost ten times as
much time as everything else about it, and would be judged again here anyway. What never changes
comes first in a question, byte for byte, so that a server can cache it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from jobs.reasoning.prompting import Prompt

MOST_TOKENS = 10_000_000
"""More than any model takes: a server may say anything."""
DECLINED = "The model declined to answer."
CUT_OFF = "The model's answer was cut off."
FILTERED = "The model's answer was filtered."
FAILED = "The model failed to answer."
NO_ANSWER = "The model gave no answer."


class ClosedForm(BaseModel):
    """What a model fills in, and nothing else: no defaults, no extra fields, no string lengths."""

    model_config = ConfigDict(extra="forbid")

    longest_answer: ClassVar[int] = 4000
    """Tokens, including those for reasoning."""


@dataclass(frozen=True)
class RawAnswer:
    """What the two APIs have in common. `complaint` is empty if `text` is a whole answer."""

    text: str
    model: str
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    complaint: str


@dataclass(frozen=True)
class Api:
    """One of the two: where it is asked, and how."""

    path: str
    question: Callable[[str, Prompt, str, type[ClosedForm], bool], dict[str, Any]]
    """Model, instructions, data, form, and whether this is OpenAI itself → the body."""
    answer: Callable[[Mapping[str, Any]], RawAnswer]


def _responses_question(
    model: str, prompt: Prompt, data: str, form: type[ClosedForm], openai: bool
) -> dict[str, Any]:
    format_ = {"type": "json_schema", "strict": True, "name": form.__name__}
    return {
        "model": model,
        "instructions": prompt.text,
        "text": {"format": format_ | {"schema": schema(form)}},
        "max_output_tokens": form.longest_answer,
        # Every server is sent `store` here: without it this API keeps answers for 30 days, even
        # behind a gateway that does not look like OpenAI.
        "store": False,
        **({"prompt_cache_key": prompt.label} if openai else {}),
        "input": data,
    }


def _chat_question(
    model: str, prompt: Prompt, data: str, form: type[ClosedForm], openai: bool
) -> dict[str, Any]:
    format_ = {"name": form.__name__, "strict": True, "schema": schema(form)}
    # Other servers know neither these fields nor the new name of the limit.
    ours = {"store": False, "prompt_cache_key": prompt.label}
    limit = "max_completion_tokens" if openai else "max_tokens"
    return {
        "model": model,
        "response_format": {"type": "json_schema", "json_schema": format_},
        limit: form.longest_answer,
        **(ours if openai else {}),
        "messages": [
            {"role": "system", "content": prompt.text},
            {"role": "user", "content": data},
        ],
    }


@cache
def schema(form: type[ClosedForm]) -> dict[str, Any]:
    """The form's JSON schema without titles and our own docstrings, which would be charged."""
    found: dict[str, Any] = _bare(form.model_json_schema())
    return found


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(one) for one in value]
    if not isinstance(value, dict):
        return value
    words = ("title", "description")
    kept = {k: v for k, v in value.items() if not (k in words and isinstance(v, str))}
    return {key: _bare(one) for key, one in kept.items()}


def _responses_answer(body: Mapping[str, Any]) -> RawAnswer:
    items = [item for item in _dicts(body.get("output")) if item.get("type") == "message"]
    spoken = [item for item in items if item.get("phase") in (None, "final_answer")]
    parts = [part for item in spoken for part in _dicts(item.get("content"))]
    text = "".join(_text(part, "text") for part in parts if part.get("type") == "output_text")
    if any(part.get("type") == "refusal" for part in parts):
        complaint = DECLINED
    elif body.get("status") == "incomplete":
        complaint = CUT_OFF
    elif body.get("status") != "completed":
        complaint = FAILED
    else:
        complaint = "" if text else NO_ANSWER
    return RawAnswer(text, _text(body, "model"), *_counts(body, "input", "output"), complaint)


FINISHED = {"stop": "", "length": CUT_OFF, "content_filter": FILTERED}
"""How an answer of the chat API ends → what is wrong with it."""


def _chat_answer(body: Mapping[str, Any]) -> RawAnswer:
    choice = next(iter(_dicts(body.get("choices"))), {})
    (message,) = _dicts([choice.get("message")]) or [{}]
    text = _text(message, "content")
    if message.get("refusal"):
        complaint = DECLINED
    elif not message:
        complaint = NO_ANSWER
    else:
        complaint = FINISHED.get(_text(choice, "finish_reason"), FAILED)
    complaint = complaint or ("" if text else NO_ANSWER)
    return RawAnswer(text, _text(body, "model"), *_counts(body, "prompt", "completion"), complaint)


def _counts(body: Mapping[str, Any], asked: str, answered: str) -> tuple[int, int, int]:
    """Tokens that went in, those of them from the cache, and those that came out."""
    (usage,) = _dicts([body.get("usage")]) or [{}]
    (details,) = _dicts([usage.get(f"{asked}_tokens_details")]) or [{}]
    whole = _count(usage.get(f"{asked}_tokens"))
    cached = min(_count(details.get("cached_tokens")), whole)
    return whole, cached, _count(usage.get(f"{answered}_tokens"))


def _count(value: Any) -> int:
    """Nothing of an answer can be relied on, and many servers leave parts out."""
    return min(max(value, 0), MOST_TOKENS) if isinstance(value, int) else 0


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


APIS = {
    "responses": Api("/responses", _responses_question, _responses_answer),
    "chat": Api("/chat/completions", _chat_question, _chat_answer),
}
