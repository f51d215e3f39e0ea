"""The recorded shapes of QuickBooks' answers, one file per situation."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "payloads"


def raw(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def parsed(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(raw(f"{name}.json"), parse_float=Decimal)
    return content
