"""QuickBooks' refusals in the shapes it really sends.

A business fault has capital keys and status 400; the gateway's have lower-case keys and a
numeric time; throttling is XML even where JSON was asked for.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from starlette.responses import HTMLResponse, Response

from tests.sandbox.company import stamp
from tests.sandbox.quickbooks.wire import json_response

NAMESPACE = "http://schema.intuit.com/finance/v3"
INACTIVE = (
    "Object Not Found : Something you're trying to use has been made inactive. "
    "Check the fields with accounts, customers, items, vendors or employees."
)


STALE = (
    "Stale Object Error : You and Rosa Whitcombe were working on this at the same time. "
    "Rosa Whitcombe finished before you did, so your work was not saved."
)


@dataclass
class RefusalError(Exception):
    """A business fault: code, message and detail as QuickBooks words them."""

    code: str
    message: str
    detail: str
    kind: str = "ValidationFault"
    status: int = 400

    def fault(self) -> dict[str, Any]:
        """The `Fault` object of the answer, or of one item of a batch."""
        error = {"Message": self.message, "Detail": self.detail, "code": self.code, "element": ""}
        return {"Error": [error], "type": self.kind}

    def response(self, now: datetime) -> Response:
        """The whole answer."""
        body: dict[str, Any] = {"Fault": self.fault()}
        # Seen in the wild: this one fault comes without a time.
        if self.code != "2030":
            body["time"] = stamp(now)
        return json_response(body, self.status)


def not_found() -> RefusalError:
    """An Id that is unknown, deleted or inactive: 400, never 404."""
    return RefusalError("610", "Object Not Found", INACTIVE)


def bad_id(value: str) -> RefusalError:
    """An Id that is not a number."""
    return RefusalError(
        "2030", "Invalid ID", f"Id should be a valid number. Supplied value:{value}"
    )


def unsupported(what: str) -> RefusalError:
    """A call that does not exist, or that this stand-in refuses on purpose."""
    return RefusalError("500", "Unsupported Operation", f"Operation {what} is not supported.")


def invalid_query(detail: str) -> RefusalError:
    """A statement that parses and makes no sense."""
    return RefusalError("4001", "Invalid query", f"QueryValidationError: {detail}")


def unparsable(detail: str) -> RefusalError:
    """A statement that does not parse."""
    return RefusalError("4000", "Error parsing query", f"QueryParserError: {detail}")


def bad_email() -> RefusalError:
    """One record with an address that QuickBooks cannot use breaks a whole page."""
    return RefusalError(
        "4002", "Error processing query", "To email address entered is invalid", "SystemFault"
    )


def gateway_fault(status: int, code: str, name: str, detail: str, now: datetime) -> Response:
    """A fault of the gateway before the service: lower-case keys, numeric time."""
    error = {
        "message": f"message={name}; errorCode={code.zfill(6)}; statusCode={status}",
        "detail": detail,
        "code": code,
        "element": None,
    }
    body: dict[str, Any] = {
        "warnings": None,
        "intuitObject": None,
        "fault": {"error": [error], "type": "AUTHENTICATION" if status == 401 else "AUTHORIZATION"},
        "report": None,
        "queryResponse": None,
        "batchItemResponse": [],
        "attachableResponse": [],
        "syncErrorResponse": None,
        "requestId": None,
        "time": int(now.timestamp() * 1000),
        "status": None,
        "cdcresponse": [],
    }
    return json_response(body, status)


def unauthenticated(detail: str, now: datetime) -> Response:
    """A token that is missing, unknown, revoked or expired; the detail echoes a piece of it."""
    answer = gateway_fault(401, "3200", "AuthenticationFailed", detail, now)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="Intuit", error="invalid_token"'
    return answer


def unauthorized(now: datetime) -> Response:
    """A token that is good, for another company."""
    detail = "Application authorization failed: the token does not belong to this company"
    return gateway_fault(403, "3100", "ApplicationAuthorizationFailed", detail, now)


def traced(response: Response) -> Response:
    """The same with the name that Intuit gives to each request."""
    response.headers["intuit_tid"] = f"1-{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:24]}"
    return response


def xml_fault(status: int, code: str, name: str, detail: str, now: datetime) -> Response:
    """A fault as XML, whatever was asked for."""
    message = f"message={name}; errorCode={code.zfill(6)}; statusCode={status}"
    text = (
        f'<IntuitResponse time="{stamp(now)}" xmlns="{NAMESPACE}"><Fault type="SERVICE">'
        f'<Error code="{code}"><Message>{escape(message)}</Message>'
        f"<Detail>{escape(detail)}</Detail></Error></Fault></IntuitResponse>"
    )
    return Response(text, status, media_type="application/xml")


def throttled(now: datetime, status: int = 429) -> Response:
    """Too many requests, or the month's reads are used up: the answer is the same.

    It came with 403 in former times.
    """
    detail = "The request limit was reached.  Try again later"
    return xml_fault(status, "3001", "ThrottleExceeded", detail, now)


WORDS = {
    "120": ("AuthorizationFailure", "-11014"),
    "500": ("Unsupported Operation", "Operation this is not supported."),
    "610": ("Object Not Found", INACTIVE),
    "3100": ("ApplicationAuthorizationFailed", "Application authorization failed"),
    "3200": ("AuthenticationFailed", "Token expired: eyJlbmMiOiJBMTI4"),
    "4001": ("Invalid query", "QueryValidationError: invalid context declaration: Invioce"),
    "4002": ("Error processing query", "To email address entered is invalid"),
    "5010": ("Stale Object Error", STALE),
    "6190": ("Invalid Company Status", "Subscription period has ended"),
    "6210": ("Account Period Closed, Cannot Update Through Services API", "The period is closed"),
    "10000": ("An application error", "An application error has occurred"),
}
"""Code → message and detail; all others are worded like any business rule."""


def coded(status: int, code: str, now: datetime) -> Response:
    """What QuickBooks says with a code that a fault ordered; "0" stands for none at all."""
    words = WORDS.get(code, ("A business validation error", "Business Validation Error"))
    if code == "3001":
        return throttled(now, status)
    if status in (401, 403):
        return gateway_fault(status, code, *words, now)
    return RefusalError(code, *words, status=status).response(now)


def ordered(status: int, now: datetime) -> Response:
    """What QuickBooks says with a status that a fault ordered."""
    if status == 401:
        return unauthenticated("Token expired: eyJlbmMiOiJBMTI4", now)
    if status == 403:
        return unauthorized(now)
    if status == 429:
        return throttled(now)
    if status == 504:
        return xml_fault(504, "6002", "GatewayTimeout", "Gateway Timeout", now)
    if status >= 501:
        return HTMLResponse(f"<html><body><h1>{status}</h1><hr>nginx</body></html>", status)
    if status == 500:
        detail = "An application error has occurred while processing your request"
        return RefusalError("10000", "An application error", detail, "SystemFault", 500).response(
            now
        )
    return RefusalError("6000", "A business validation error", "try again", status=status).response(
        now
    )
