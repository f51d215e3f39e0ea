"""The strict subset of JSON Schema that structured outputs accept, as a list of complaints."""

from typing import Any

ALLOWED = frozenset(
    {
        *("type", "properties", "required", "additionalProperties", "items", "enum", "const"),
        *("anyOf", "$ref", "$defs", "title", "description", "pattern", "format"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minItems", "maxItems"),
    }
)
DEEPEST = 10


def not_strict(format_: Any) -> str:
    """Why the format of an answer would be refused, or nothing."""
    if not isinstance(format_, dict) or format_.get("type") != "json_schema":
        return "the format must be json_schema"
    if format_.get("strict") is not True:
        return "strict must be true"
    schema = format_.get("schema")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return "the root must be an object"
    return _wrong(schema, "root", 0)


def _wrong(schema: Any, where: str, depth: int) -> str:
    if not isinstance(schema, dict):
        return f"{where} is no schema"
    if unknown := set(schema) - ALLOWED:
        return f"{where} uses {min(unknown)}, which is not supported"
    if depth > DEEPEST:
        return f"{where} lies too deep"
    return _wrong_object(schema, where) or _wrong_parts(schema, where, depth)


def _wrong_object(schema: dict[str, Any], where: str) -> str:
    if schema.get("type") != "object":
        return ""
    if schema.get("additionalProperties") is not False:
        return f"{where} must set additionalProperties to false"
    if set(schema.get("required", ())) != set(schema.get("properties", {})):
        return f"{where} must require all of its properties"
    return ""


def _wrong_parts(schema: dict[str, Any], where: str, depth: int) -> str:
    parts = [*schema.get("properties", {}).items(), *schema.get("$defs", {}).items()]
    parts += [(f"{where}[]", schema["items"])] if "items" in schema else []
    parts += [(where, one) for one in schema.get("anyOf", ())]
    return next(filter(None, (_wrong(part, name, depth + 1) for name, part in parts)), "")
