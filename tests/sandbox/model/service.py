"""A stand-in for a language model: `/v1/responses` and `/v1/chat/completions`, strict and obedient.

It refuses what the real service would refuse, and what we promised never to ask: answers that are
stored, tools, a schema that is not strict. Otherwise it answers from the data in the prompt, the
same for the same prompt. `enqueue` makes the next answers go wrong:

    refusal truncated failed empty wrong_enum extra_field html garbage   bad answers
    unfinished                a whole answer whose status says that it is not
    status                    an error of the service; `content` is its code ("insufficient_quota")
    hostile                   a bad proposal; `content` names which one of `HOSTILE`
    captured                  whatever `content` is: the model belongs to an attacker
"""

import json
import re
from collections import deque
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.sandbox.control import NotPossibleError, body_of, wanted
from tests.sandbox.model.answers import HOSTILE, answer_to
from tests.sandbox.model.schema import not_strict

KEY = "sk-sandbox"
MODELS = ("gpt-6.1-terra", "gpt-6.1-sol", "gpt-6-luna", "gpt-6-astra")
KINDS = (
    *("refusal", "truncated", "failed", "empty", "wrong_enum", "extra_field", "html", "garbage"),
    *("unfinished", "status", "hostile", "captured"),
)
COMMON = {"model", "store", "prompt_cache_key", "safety_identifier", "stream", "temperature"}
KNOWN = {
    "responses": COMMON | {"input", "instructions", "text", "max_output_tokens", "reasoning"},
    "chat": COMMON | {"messages", "response_format", "max_completion_tokens", "max_tokens"},
}
CUT = ("truncated", "unfinished")
FINISH = {"truncated": "length", "unfinished": "tool_calls", "failed": "content_filter"}
MARKS = "<<<DATA\n", "\nDATA>>>"
PIECE = re.compile(r" ?[^\W\d_]+|\d{1,3}| ?[^\w\s]+|_+|\s+")
LETTERS = 8
"""A word of up to so many letters counts as one token, a longer one as more."""
CACHED_FROM, CACHED_BY = 1024, 128
"""The shortest beginning that the service keeps, and in which steps (OpenAI's guide)."""


@dataclass(frozen=True)
class Misbehaviour:
    """One wrong answer to come. `status` is the HTTP status of kind "status"."""

    kind: str
    content: Any = None
    status: int = 500


@dataclass(frozen=True)
class Usage:
    """Tokens of one question."""

    asked: int
    cached: int
    answered: int


UNCOUNTED = Usage(0, 0, 0)


def tokens(text: str) -> int:
    """An estimate on the high side; the vendor's own counter needs a file from its servers."""
    return sum(-(-len(piece.strip()) // LETTERS) or 1 for piece in PIECE.findall(text))


class Refused(Exception):
    """A request that the service does not accept."""

    def __init__(self, status: int, message: str, code: str = "invalid_request") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class StandInModel:
    """The service. Mounted at `/model`, so that `OPENAI_BASE_URL` is `…/model/v1`."""

    name = "model"

    def __init__(self, key: str = KEY) -> None:
        self.key = key
        self.prompts: list[str] = []
        """Every accepted request as it came, for tests that look for what must not be there."""
        self._next: deque[Misbehaviour] = deque()
        self._kept: set[str] = set()

    def app(self) -> Starlette:
        """The HTTP side."""
        return Starlette(
            routes=[
                Route("/v1/responses", self._responses, methods=["POST"]),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/models/{model}", self._model),
            ],
            exception_handlers={Refused: _refused},
        )

    def snapshot(self) -> dict[str, Any]:
        """How often it was asked; the prompts themselves have a call of their own."""
        return {"model_prompts": len(self.prompts)}

    def control(self) -> list[Route]:
        """Order a wrong answer, and read what it was asked."""
        return [
            Route("/model/next", self._order, methods=["POST"]),
            Route("/model/prompts", self._show_prompts),
        ]

    def refusal(self, status: int) -> Response:
        """An error in the shape of the service."""
        return _error(status, "ordered by the sandbox", "server_error")

    def enqueue(self, kind: str, content: Any = None, status: int = 500) -> None:
        """Let the next answer that is not spoken for go wrong in this way."""
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if kind == "hostile" and content not in HOSTILE:
            raise ValueError(f"content must be one of {', '.join(HOSTILE)}")
        self._next.append(Misbehaviour(kind, content, status))

    def forget_orders(self) -> None:
        """Go back to good answers."""
        self._next.clear()

    async def _order(self, request: Request) -> Response:
        body = await body_of(request)
        try:
            self.enqueue(wanted(body, "kind"), body.get("content"), int(body.get("status", 500)))
        except ValueError as error:
            raise NotPossibleError(str(error)) from error
        return JSONResponse({"ok": True})

    def _show_prompts(self, _: Request) -> Response:
        return JSONResponse({"prompts": self.prompts})

    def _model(self, request: Request) -> Response:
        self._authorize(request)
        _check_model(request.path_params["model"])
        return JSONResponse(
            {"id": request.path_params["model"], "object": "model", "created": 1, "owned_by": "us"}
        )

    async def _responses(self, request: Request) -> Response:
        body = await self._accepted(request, "responses")
        if body.get("store") is not False:
            raise Refused(400, "store must be false: nothing of ours is kept")
        format_ = body.get("text", {}).get("format")
        text, odd = self._text(format_, f"{body.get('instructions')}\n{_input(body)}")
        usage = self._usage(format_, body.get("instructions"), _input(body), text)
        return odd or JSONResponse(whole_answer(body["model"], text, self._kind, usage))

    async def _chat(self, request: Request) -> Response:
        body = await self._accepted(request, "chat")
        if body.get("store"):
            raise Refused(400, "store must not be true: nothing of ours is kept")
        format_ = body.get("response_format", {})
        inner = {"type": format_.get("type")} | format_.get("json_schema", {})
        prompt = "\n".join(str(message["content"]) for message in body.get("messages", []))
        text, odd = self._text(inner, prompt)
        told, mark, given = prompt.partition(MARKS[0])
        usage = self._usage(inner, told, f"{mark}{given}", text)
        return odd or JSONResponse(_completion(body["model"], text, self._kind, usage))

    def _usage(self, format_: Any, instructions: Any, given: str, answer: str) -> Usage:
        """What this question cost. A long beginning that came before is found in the cache."""
        start = f"{instructions}\n{json.dumps(format_['schema'], separators=(',', ':'))}"
        length = tokens(start)
        kept = length // CACHED_BY * CACHED_BY if length >= CACHED_FROM else 0
        cached = kept if start in self._kept else 0
        self._kept.add(start)
        return Usage(length + tokens(given), cached, max(1, tokens(answer)))

    async def _accepted(self, request: Request, api: str) -> dict[str, Any]:
        self._authorize(request)
        try:
            body = await request.json()
        except ValueError as error:
            raise Refused(400, "the body is not JSON") from error
        unknown = set(body) - KNOWN[api]
        if unknown:
            raise Refused(400, f"unknown parameter: {min(unknown)}", "unknown_parameter")
        _check_model(body.get("model"))
        if body.get("stream"):
            raise Refused(400, "this model does not stream")
        return dict(body)

    def _authorize(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused(401, "incorrect API key provided", "invalid_api_key")

    def _text(self, format_: Any, prompt: str) -> tuple[str, Response | None]:
        """The text of the answer, or a whole answer of another kind; sets how it goes wrong."""
        if wrong := not_strict(format_):
            raise Refused(400, f"invalid schema: {wrong}", "invalid_json_schema")
        self.prompts.append(prompt)
        odd = self._next.popleft() if self._next else Misbehaviour("")
        self._kind = odd.kind
        if odd.kind == "status":
            return "", _error(odd.status, "ordered by the sandbox", odd.content or "server_error")
        if odd.kind == "html":
            return "", HTMLResponse("<html><body><h1>Welcome</h1></body></html>")
        if odd.kind == "garbage":
            return "", Response('{"id":"resp_1","obj', media_type="application/json")
        return _spoiled(odd, data_of(prompt)), None


def data_of(prompt: str) -> dict[str, Any]:
    """The block of data in our prompts."""
    try:
        text = prompt.rsplit(MARKS[0], 1)[1].split(MARKS[1])[0]
        return dict(json.loads(text))
    except (IndexError, ValueError) as error:
        raise Refused(400, "there is no data in this prompt") from error


def _spoiled(odd: Misbehaviour, data: dict[str, Any]) -> str:
    if odd.kind == "captured":
        return odd.content if isinstance(odd.content, str) else json.dumps(odd.content)
    good = answer_to(data)
    if odd.kind == "hostile":
        good = HOSTILE[odd.content](good)
    if odd.kind == "wrong_enum":
        good |= {"stance": "delighted", "class": "write_off"}
    if odd.kind == "extra_field":
        good |= {"send_to": "attacker@evil.example"}
    return json.dumps(good)[: 40 if odd.kind == "truncated" else None]


def _input(body: dict[str, Any]) -> str:
    given = body.get("input")
    if isinstance(given, str):
        return given
    if isinstance(given, list):
        return "\n".join(str(message.get("content")) for message in given)
    raise Refused(400, "input must be a string or a list of messages")


def whole_answer(model: str, text: str, kind: str, usage: Usage = UNCOUNTED) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
    if kind == "refusal":
        part = {"type": "refusal", "refusal": "I cannot help with that."}
    message = {
        "type": "message",
        "id": "msg_1",
        "status": "incomplete" if kind in CUT else "completed",
        "role": "assistant",
        "content": [part],
    }
    status = "incomplete" if kind in CUT else "failed" if kind == "failed" else "completed"
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": status,
        "model": model,
        "output": [] if kind in ("failed", "empty") else [message],
        "error": {"code": "server_error", "message": "overloaded"} if kind == "failed" else None,
        "incomplete_details": {"reason": "max_output_tokens"} if kind in CUT else None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "usage": {
            "input_tokens": usage.asked,
            "output_tokens": usage.answered,
            "total_tokens": usage.asked + usage.answered,
            "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def _completion(model: str, text: str, kind: str, usage: Usage) -> dict[str, Any]:
    refused = kind == "refusal"
    message = {
        "role": "assistant",
        "content": None if refused else text,
        "refusal": "I cannot help with that." if refused else None,
    }
    finish = FINISH.get(kind, "stop")
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": model,
        "choices": [] if kind == "empty" else [choice],
        "usage": {
            "prompt_tokens": usage.asked,
            "completion_tokens": usage.answered,
            "total_tokens": usage.asked + usage.answered,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
        },
    }


def _check_model(model: Any) -> None:
    if model not in MODELS:
        raise Refused(404, f"the model {model} does not exist", "model_not_found")


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _error(error.status, str(error), error.code)


def _error(status: int, message: str, code: str) -> Response:
    return JSONResponse(
        {"error": {"message": message, "type": "error", "param": None, "code": code}}, status
    )
