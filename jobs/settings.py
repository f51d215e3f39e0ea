"""Settings: read from the environment or `.env` by `load`, checked before any process starts.

Nothing is read at import. A secret is a `SecretStr`, and so is an address that may carry a
password; no message of this module repeats a value.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email import policy
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic import model_validator as checked_together
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

NO_SECRET = SecretStr("")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# This machine, and networks that no provider hands out (RFC 1918, RFC 4193).
NEAR = tuple(
    ip_network(network)
    for network in (
        *("127.0.0.0/8", "::1/128"),
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    )
)
# RFC 2606 keeps these for examples; "host" is what the example of an address has.
EXAMPLE_HOST = re.compile(r"host|(?:.*\.)?example\.(?:com|net|org)", re.IGNORECASE)
SIGNING_SECRET = re.compile("[0-9a-f]{32}")

# What people leave standing when they copy an example.
PLACEHOLDER = re.compile(
    r"(?:xox\w?-|xapp-|sk-|pat-)?"
    r"(?:<.*>|\.{3}|…|(.)\1+|.*\b(?:change|replace|insert|fill)[-_ ]?(?:me|this|in)\b.*"
    r"|.*(?:\b|_)your(?:\b|_).*|.*placeholder.*|todo|tbd|none|null)",
    re.IGNORECASE | re.DOTALL,
)
# What pydantic says in a programmer's words.
IN_WORDS = {
    "path_not_file": "does not name an existing file",
    "int_parsing": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
}
OBVIOUS = frozenset({"secret", "password", "token", "key", "example"})


@dataclass(frozen=True)
class Problem:
    """One setting that keeps a process from starting, by its name in the environment."""

    name: str
    reason: str


class SettingsError(Exception):
    """Settings are missing or cannot be right; the text names all of them and shows no value."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        lines = (f"  {problem.name}: {problem.reason}" for problem in self.problems)
        super().__init__(
            "These settings need attention (in the environment or in .env; "
            ".env.example explains each):\n" + "\n".join(lines)
        )


def _secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if re.search(r"\s|[^\x20-\x7e]", text):
        raise ValueError("contains a space, a line break or a character that no secret has")
    if PLACEHOLDER.fullmatch(text) or text.casefold() in OBVIOUS:
        raise ValueError("is still the placeholder of an example")
    return value


def _id(value: str) -> str:
    if not re.fullmatch(r"[^\s<>…]+", value) or PLACEHOLDER.fullmatch(value):
        raise ValueError("is still the placeholder of an example")
    return value


def _fernet_key(value: SecretStr) -> SecretStr:
    try:
        raw = base64.b64decode(value.get_secret_value(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise ValueError("is not a Fernet key (32 bytes in URL-safe base64)")
    if len(set(raw)) == 1:
        raise ValueError("is one repeated byte, which anybody can guess")
    return value


def _split(value: object) -> object:
    return re.split(r"[\s,]+", value.strip(" \t\r\n,")) if isinstance(value, str) else value


def _parts(value: str, schemes: Iterable[str]) -> tuple[str, str]:
    """Host and password of an address; ValueError unless it has one of the schemes."""
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)
    parts = urlsplit(value)
    try:
        _ = parts.port
    except ValueError as error:
        raise ValueError("has a port that is not a number up to 65535") from error
    if parts.scheme not in schemes or re.search(r"\s", value):
        raise ValueError(f"must be an address that begins with {wanted}")
    return parts.hostname or "", unquote(parts.password or "")


def _link(value: str) -> str:
    host, password = _parts(value, ("https", "http"))
    if not host:
        raise ValueError("names no host")
    if password:
        raise ValueError("contains a password, which belongs in its own setting")
    return value.rstrip("/")


def _is_near(host: str) -> bool:
    """Whether a host is this machine, or an address in a private network."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    return any(address in network for network in NEAR)


def _provider_link(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "http" and not _is_near(parts.hostname or ""):
        raise ValueError("must be https://, except on this machine or at a private address")
    return value


def _sealed_or_near(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme in ("smtp", "imap") and not _is_near(parts.hostname or ""):
        kinds = {"smtp": "smtp+starttls:// or smtps://", "imap": "imaps://"}
        words = f"must be {kinds[parts.scheme]}, except on this machine or at a private address"
        raise ValueError(words)
    return value


def _public_link(value: str) -> str:
    if urlsplit(value).scheme == "http" and urlsplit(value).hostname not in LOOPBACK:
        raise ValueError("must be https://, as people and QuickBooks reach it from outside")
    return value


def _server(*schemes: str, host: bool = True) -> Callable[[SecretStr], SecretStr]:
    """A check of an address that may carry a password."""

    def check(value: SecretStr) -> SecretStr:
        found, password = _parts(value.get_secret_value(), schemes)
        if host and not found:
            raise ValueError("names no host")
        if password and PLACEHOLDER.fullmatch(password):
            raise ValueError("still has the placeholder of an example as its password")
        return value

    return check


def _channel(value: str) -> str:
    if not re.fullmatch(r"[CG][A-Z0-9]+", value):
        raise ValueError("must be a channel id such as C024BE91L (channel details, at the bottom)")
    return value


def _sender(value: str) -> str:
    header = policy.default.header_factory("From", value)
    if header.defects or [bool(each.domain) for each in header.addresses] != [True]:
        raise ValueError("must be one e-mail address, with or without a name before it")
    return value


def _folder(value: str) -> str:
    if not value.isprintable():
        raise ValueError("should be the name of a folder, such as Sent, or none")
    return value


def _subdomain(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", value, re.IGNORECASE):
        raise ValueError("must be the name before .zendesk.com, and nothing else")
    return _id(value)


Id = Annotated[str, AfterValidator(_id)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
Secrets = Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_split)]
FernetKeys = Annotated[
    tuple[Annotated[Secret, AfterValidator(_fernet_key)], ...], NoDecode, BeforeValidator(_split)
]
Link = Annotated[str, AfterValidator(_link)]
ProviderLink = Annotated[Link, AfterValidator(_provider_link)]
PublicLink = Annotated[Link, AfterValidator(_public_link)]
# SQLite has no host, and a server on a socket names it in the query.
Database = Annotated[
    SecretStr,
    AfterValidator(_server("sqlite", "postgresql", "postgres", "postgresql+psycopg", host=False)),
]
Redis = Annotated[SecretStr, AfterValidator(_server("redis", "rediss", "unix", host=False))]
Smtp = Annotated[
    SecretStr,
    AfterValidator(_server("smtp", "smtp+starttls", "smtps")),
    AfterValidator(_sealed_or_near),
]
Imap = Annotated[
    SecretStr, AfterValidator(_server("imap", "imaps")), AfterValidator(_sealed_or_near)
]


class Settings(BaseSettings):
    """All settings, under their names in the environment in lower case. Unset is empty."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        validate_default=False,
    )

    database_url: Database = SecretStr("sqlite:///overdue.sqlite3")
    redis_url: Redis = NO_SECRET
    token_keys: FernetKeys = ()
    policy_file: FilePath | None = None
    public_url: PublicLink = ""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None

    slack_bot_token: Secret = NO_SECRET
    slack_signing_secret: Secret = NO_SECRET
    slack_app_token: Secret = NO_SECRET
    slack_channel: Annotated[str, AfterValidator(_channel)] = ""
    slack_api_url: ProviderLink = "https://slack.com/api"

    qbo_client_id: Id = ""
    qbo_client_secret: Secret = NO_SECRET
    qbo_webhook_tokens: Secrets = ()
    qbo_api_url: ProviderLink = "https://quickbooks.api.intuit.com"
    qbo_oauth_url: ProviderLink = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"
    qbo_authorize_url: ProviderLink = "https://appcenter.intuit.com/connect/oauth2"
    qbo_revoke_url: ProviderLink = "https://developer.api.intuit.com/v2/oauth2/tokens/revoke"
    qbo_app_url: ProviderLink = "https://qbo.intuit.com"

    openai_api_key: Secret = NO_SECRET
    openai_base_url: ProviderLink = "https://api.openai.com/v1"
    openai_model: Id = "gpt-6.1-terra"
    openai_api: Literal["responses", "chat"] = "responses"

    mail_from: Annotated[str, AfterValidator(_sender)] = ""
    smtp_url: Smtp = NO_SECRET
    resend_api_key: Secret = NO_SECRET
    resend_api_url: ProviderLink = "https://api.resend.com"
    mail_folder: Path | None = None
    imap_url: Imap = NO_SECRET
    sent_folder: Annotated[str, AfterValidator(_folder)] = ""
    mail_oauth_client_id: Id = ""
    mail_oauth_client_secret: Secret = NO_SECRET
    mail_oauth_refresh_token: Secret = NO_SECRET
    mail_oauth_url: ProviderLink = ""

    hubspot_token: Secret = NO_SECRET
    hubspot_api_url: ProviderLink = "https://api.hubapi.com"
    zendesk_subdomain: Annotated[str, AfterValidator(_subdomain)] = ""
    zendesk_client_id: Id = ""
    zendesk_client_secret: Secret = NO_SECRET
    zendesk_api_url: ProviderLink = ""

    @field_validator("*", mode="wrap")
    @classmethod
    def _unset(cls, value: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        """What was put back to its default is not checked: most defaults are empty."""
        default = cls.model_fields[info.field_name or ""].default
        return default if value is default else check(value)

    @checked_together(mode="after")
    def _one_way_to_send(self) -> Self:
        ways = [name for name in WAYS_TO_SEND if getattr(self, name)]
        if len(ways) > 1:
            raise ValueError(f"set only one of {env_names(ways, 'and')}: they are the ways to send")
        return self


WAYS_TO_SEND = ("smtp_url", "resend_api_key", "mail_folder")


def load(env_file: Path | None = Path(".env")) -> Settings:
    """The settings of this process: the environment first, then `env_file` where it exists.

    Raises SettingsError with every setting that cannot be right.
    """
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        raise SettingsError(_problems(error)) from None


def load_what_can_be(env_file: Path | None = Path(".env")) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings with their defaults in place of those that cannot be right, and these."""
    plain: dict[str, Any] = {}
    problems: list[Problem] = []
    while True:
        try:
            return Settings(_env_file=env_file, **plain), tuple(problems)
        except ValidationError as error:
            problems += _problems(error)
            bad = [str(each["loc"][0]).lower() for each in error.errors() if each["loc"]]
            # each could be right, but not together: whichever way to send is meant is not known
            plain |= {name: Settings.model_fields[name].default for name in bad or WAYS_TO_SEND}


def examples(settings: Settings) -> tuple[Problem, ...]:
    """Settings that could be right and are still those of an example; for `doctor`."""
    hosts = dict(_addresses(settings))
    if settings.mail_from:
        header = policy.default.header_factory("From", settings.mail_from)
        hosts["mail_from"] = header.addresses[0].domain
    reason = "is still the placeholder of an example"
    named = (name for name, host in hosts.items() if EXAMPLE_HOST.fullmatch(host))
    return tuple(Problem(name.upper(), reason) for name in named)


def unencrypted(settings: Settings) -> tuple[str, ...]:
    """The names of addresses of providers to which everything travels in the clear."""
    plain = ("http://", "smtp://", "imap://")
    names = (name for name, _ in _addresses(settings) if name != "public_url")
    return tuple(name.upper() for name in names if _text(settings, name).startswith(plain))


def _addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    """The names of all settings that hold an address, with its host."""
    for name in Settings.model_fields:
        if name.endswith("_url") and (text := _text(settings, name)):
            yield name, urlsplit(text).hostname or ""


def _text(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return str(value.get_secret_value() if isinstance(value, SecretStr) else value)


def like_a_signing_secret(settings: Settings) -> bool:
    """Whether SLACK_SIGNING_SECRET looks as Slack's do; nothing can try it but Slack."""
    return bool(SIGNING_SECRET.fullmatch(settings.slack_signing_secret.get_secret_value()))


def env_names(names: Iterable[str], word: str) -> str:
    """These settings as they are called in the environment, with `word` between them."""
    return f" {word} ".join(name.upper() for name in names)


def _problems(error: ValidationError) -> list[Problem]:
    """In words, one per setting; pydantic would repeat the value of some."""
    found: dict[str, str] = {}
    for each in error.errors(include_input=False, include_url=False):
        name = str(each["loc"][0]).upper() if each["loc"] else env_names(WAYS_TO_SEND, "and")
        found.setdefault(name, _reason(each))
    return [Problem(name, reason) for name, reason in found.items()]


def _reason(error: ErrorDetails) -> str:
    words = IN_WORDS.get(error["type"])
    return (
        words.format_map(error.get("ctx", {}))
        if words
        else error["msg"].removeprefix("Value error, ")
    )
