"""Hands a mail to Resend (`POST /emails`), with a key under which it accepts a mail only once.

The finished bytes are the source: what is sent are their parts, so what was approved, built and
compared is what goes. The idempotency key derives from the Message-ID. Resend remembers a key for
24 hours, so a request whose answer was lost is repeated here with the same key; once these attempts
are used up nobody can tell, as with SMTP.
(resend.com/docs/api-reference/emails, …/dashboard/emails/idempotency-keys)
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from email.policy import default
from typing import Any

import httpx

from jobs.mail.addresses import Unsendable, bare
from jobs.mail.compose import identity
from jobs.mail.results import HELD_UP, Fence, MailerCheck, NotSent, Result, Sent, Unknown
from jobs.rules.plain import one_line

RESEND = "https://api.resend.com"
SECONDS = 60.0
ATTEMPTS = 3
"""How often one mail is offered under its key while no answer arrives."""
THREADING = ("Message-ID", "In-Reply-To", "References")
"""Headers of ours that Resend takes as they are."""
CHANGED = "invalid_idempotent_request"
"""Resend accepted another mail under this key (409)."""
NOT_THE_MAIL = frozenset({401, 403, 405, 408, 409, 429, 451})
"""Answers about the account, the key or the moment: they say nothing about this mail."""


@dataclass(frozen=True)
class Resend:
    """One Resend account."""

    key: str = field(repr=False)
    url: str = RESEND
    seconds: float = SECONDS

    def send(self, sender: str, to: Sequence[str], message: bytes, fence: Fence) -> Result:
        """Offer the mail until Resend answers, at most three times under one key.

        200 is sent, and a refusal of the first attempt is not sent. Once an answer was lost, only
        200 says what happened: a later refusal says nothing about the attempt before it. 409 with a
        changed body means that a different mail of this draft was accepted: a person has to look.
        """
        try:
            body = _body(message, bare(sender), [bare(address) for address in to])
        except Unsendable as error:
            return NotSent(str(error), permanent=True)
        headers = {"Idempotency-Key": f"overdue/{identity(message)}"}
        lost: Unknown | None = None
        for _ in range(ATTEMPTS):
            if not fence():
                break
            result = self._offer(body, headers)
            if isinstance(result, Sent):
                return result
            if isinstance(result, NotSent):
                return lost or result
            lost = result
        return lost or HELD_UP

    def check(self) -> MailerCheck:
        """Whether the key is valid. A key that may only send cannot list domains, which is fine."""
        try:
            answer = self._request("GET", "/domains")
        except httpx.HTTPError as error:
            return MailerCheck(False, f"Resend was not reached: {type(error).__name__}")
        name, words = _complaint(answer)
        if answer.status_code == 200 or name == "restricted_api_key":
            return MailerCheck(True, "Resend takes mail with this key")
        return MailerCheck(False, f"Resend refused the key: {answer.status_code} {words}")

    def _offer(self, body: dict[str, Any], headers: dict[str, str]) -> Result:
        try:
            answer = self._request("POST", "/emails", json=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return NotSent(f"Resend was not reached: {type(error).__name__}", permanent=False)
        except httpx.HTTPError as error:
            return Unknown(f"The connection to Resend was lost: {type(error).__name__}")
        return _result(answer)

    def _request(self, method: str, path: str, **given: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}", **given.pop("headers", {})}
        with httpx.Client(base_url=self.url, timeout=self.seconds, trust_env=False) as client:
            return client.request(method, path, headers=headers, **given)


def _body(message: bytes, sender: str, to: Sequence[str]) -> dict[str, Any]:
    """The mail's parts as Resend takes them. Raises Unsendable if the envelope does not fit it."""
    mail = message_from_bytes(message, policy=default)
    if [a.addr_spec for a in mail["From"].addresses] != [sender]:
        raise Unsendable("the sender is not the one in the mail")
    heads = [header.addresses for header in (mail["To"], mail["Cc"]) if header]
    if [a.addr_spec for addresses in heads for a in addresses] != list(to):
        raise Unsendable("the recipients are not those in the mail")
    body: dict[str, Any] = {
        "from": str(mail["From"]),
        "to": [to[0]],
        "cc": list(to[1:]),
        "subject": str(mail["Subject"]).strip(),
        "text": _text(mail, "plain"),
        "html": _text(mail, "html"),
        "headers": {name: str(mail[name]).strip() for name in THREADING if mail[name]},
        "attachments": list(_attachments(mail)),
    }
    if mail["Reply-To"]:
        body["reply_to"] = str(mail["Reply-To"])
    return {name: value for name, value in body.items() if value}


def _text(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if isinstance(part, MIMEPart) else ""


def _attachments(mail: EmailMessage) -> Iterator[dict[str, str]]:
    for part in mail.iter_attachments():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes), "our attachments are files"
        yield {
            "filename": part.get_filename() or "",
            "content": base64.b64encode(content).decode(),
            "content_type": part.get_content_type(),
        }


def _result(answer: httpx.Response) -> Result:
    code = answer.status_code
    name, words = _complaint(answer)
    said = f"Resend refused the mail: {code} {words}".rstrip()
    if code == 200:
        return _accepted(answer)
    if name == CHANGED:
        return Unknown("Resend accepted another mail of this draft before; please look there.")
    if code in NOT_THE_MAIL:
        return NotSent(said, permanent=False, code=code)
    if 400 <= code < 500:
        return NotSent(said, permanent=True, code=code)
    return Unknown(f"Resend answered with an error ({code}).")


def _accepted(answer: httpx.Response) -> Result:
    try:
        id = answer.json()["id"]
    except (ValueError, KeyError, TypeError):
        return Unknown("Resend's answer to the mail made no sense.")
    return Sent(f"Accepted by Resend: {one_line(str(id), 80)}")


def _complaint(answer: httpx.Response) -> tuple[str, str]:
    """The name and words of an error, or empty. They are outside text."""
    try:
        found = answer.json()
    except ValueError:
        return "", ""
    if not isinstance(found, dict):
        return "", ""
    return str(found.get("name", "")), one_line(str(found.get("message", "")), 200)
