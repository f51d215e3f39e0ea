"""A stand-in for Resend: `POST /emails` with an idempotency key, strict about what it is given.

An accepted mail is rebuilt and put into the same list as those that came by SMTP, so that the page
and the tests see one mailbox.
"""

import base64
import binascii
import json
import uuid
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sandbox.mail.mailbox import Mail, Mailbox

KEY = "re_sandbox"
KNOWN = {"from", "to", "subject", "text", "html", "reply_to", "headers", "attachments", "cc"}
REQUIRED = ("from", "to", "subject")
LONGEST_KEY = 256


class StandInResend:
    """The service. Mounted at `/resend`, so that `RESEND_API_URL` is `…/resend`."""

    name = "resend"

    def __init__(self, mailbox: Mailbox, key: str = KEY) -> None:
        self.key, self._mailbox = key, mailbox
        self.keys: dict[str, tuple[str, str]] = {}
        """Idempotency key → what was sent under it, and its id."""

    def app(self) -> Starlette:
        """The HTTP side."""
        return Starlette(
            routes=[
                Route("/emails", self._send, methods=["POST"]),
                Route("/domains", self._domains),
            ]
        )

    def snapshot(self) -> dict[str, Any]:
        """Its mails are those of the mailbox."""
        return {}

    def control(self) -> list[Route]:
        """Nothing to order but faults."""
        return []

    def refusal(self, status: int, code: str = "") -> Response:
        """An error in the shape of the service."""
        return _error(status, code or "application_error", "ordered by the sandbox")

    def _domains(self, request: Request) -> Response:
        return self._unauthorized(request) or JSONResponse({"data": []})

    async def _send(self, request: Request) -> Response:
        raw = await request.body()
        if refused := self._unauthorized(request):
            return refused
        key = request.headers.get("idempotency-key", "")
        if not 1 <= len(key) <= LONGEST_KEY:
            return _error(400, "invalid_idempotency_key", "1 to 256 characters")
        if key in self.keys:
            return self._again(key, raw.decode())
        try:
            mail = _mail(json.loads(raw))
        except (ValueError, binascii.Error) as error:
            return _error(422, "validation_error", str(error))
        id = str(uuid.uuid4())
        self.keys[key] = raw.decode(), id
        self._mailbox.take(mail)
        return JSONResponse({"id": id})

    def _again(self, key: str, raw: str) -> Response:
        before, id = self.keys[key]
        if raw != before:
            return _error(409, "invalid_idempotent_request", "the key was used with another body")
        return JSONResponse({"id": id})

    def _unauthorized(self, request: Request) -> Response | None:
        if request.headers.get("authorization") == f"Bearer {self.key}":
            return None
        return _error(401, "missing_api_key", "the API key is missing or wrong")


def _mail(body: Any) -> Mail:
    """The mail that would go out. Raises ValueError for what the service would refuse."""
    if not isinstance(body, dict) or (unknown := set(body) - KNOWN):
        raise ValueError(f"unknown field: {min(unknown) if isinstance(body, dict) else body}")
    if missing := [name for name in REQUIRED if not body.get(name)]:
        raise ValueError(f"missing field: {missing[0]}")
    if not (body.get("text") or body.get("html")):
        raise ValueError("missing field: text")
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = body["from"], ", ".join(body["to"])
    if body.get("cc"):
        mail["Cc"] = ", ".join(body["cc"])
    mail["Subject"] = body["subject"]
    if body.get("reply_to"):
        mail["Reply-To"] = body["reply_to"]
    for name, value in body.get("headers", {}).items():
        mail[name] = value
    mail.set_content(body.get("text", ""))
    if body.get("html"):
        mail.add_alternative(body["html"], subtype="html")
    for file in body.get("attachments", ()):
        content = base64.b64decode(file["content"], validate=True)
        main, sub = file.get("content_type", "application/octet-stream").split("/")
        mail.add_attachment(content, maintype=main, subtype=sub, filename=file["filename"])
    copied = tuple(body.get("cc", ()))
    return Mail(parseaddr(body["from"])[1], body["to"][0], mail.as_bytes(), copied)


def _error(status: int, name: str, message: str) -> Response:
    return JSONResponse({"statusCode": status, "name": name, "message": message}, status)
