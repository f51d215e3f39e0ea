"""How QuickBooks writes JSON and XML."""

import json
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from starlette.responses import Response


def json_text(body: Any) -> bytes:
    """JSON with amounts as QuickBooks writes them: no trailing zeros, no exponent."""
    return json.dumps(body, default=_number, ensure_ascii=False, separators=(",", ":")).encode()


def _number(value: object) -> int | float:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} has no place in an answer")
    return int(value) if value == value.to_integral_value() else float(value)


def json_response(body: Any, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(json_text(body), status, media_type="application/json")


def xml_response(body: dict[str, Any], namespace: str) -> Response:
    """The same content as XML: what a caller gets who does not ask for JSON."""
    time = body.get("time", "")
    inner = "".join(_xml(key, value) for key, value in body.items() if key != "time")
    text = f'<IntuitResponse time="{time}" xmlns="{namespace}">{inner}</IntuitResponse>'
    return Response(text, media_type="application/xml")


def _xml(key: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_xml(key, item) for item in value)
    if isinstance(value, dict):
        inner = "".join(_xml(name, item) for name, item in value.items())
    elif isinstance(value, bool):
        inner = str(value).lower()
    else:
        inner = escape("" if value is None else str(value))
    return f"<{key}>{inner}</{key}>"
