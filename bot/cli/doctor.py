"""`overdue doctor`: checks everything Overdue needs, and says what to do about what is missing.

Every row is always shown: what cannot be checked is "not tried", with the reason. The doctor
changes nothing and shows no secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote, urlsplit

from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from bot.cli import doctor_slack
from bot.cli.findings import MISSING, OK, UNTRIED, WARNING, WRONG, Finding
from bot.process import Process
from jobs import needs, settings
from jobs.mail.addresses import named
from jobs.rules.policy.errors import PolicyError
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.policy import load as load_policy
from jobs.rules.states import ConnectionStatus
from jobs.settings import Problem, Settings
from jobs.sources.configured import SOURCES, SourceRow
from jobs.sources.source import SourceError
from jobs.store import companies
from jobs.store.companies import ConnectedCompany
from jobs.store.database import schema
from qbo import QuickBooksError, ReauthRequired, Refused
from qbo.pacing import utc_now

INTUIT = ("qbo_client_id", "qbo_client_secret", "qbo_oauth_url")


def examine(process: Process, problems: Sequence[Problem] = ()) -> list[Finding]:
    """Check everything, one part after the other; a part that fails does not hide the others.

    `problems` are the settings that cannot be right, which `process` therefore does not have.
    """
    look = InstallationCheck(process, (*problems, *settings.examples(process.settings)))
    parts: tuple[tuple[str, Callable[[InstallationCheck], Iterator[Finding]]], ...] = (
        ("settings", _settings),
        ("database", _database),
        ("redis", _redis),
        ("policy", _policy),
        ("slack", _slack),
        ("quickbooks", _quickbooks),
        ("model", _model),
        ("mail", _mail),
        ("sources", _sources),
    )
    return [finding for part, of in parts for finding in _all_of(part, of, look)]


def _all_of(
    part: str, of: Callable[[InstallationCheck], Iterator[Finding]], look: InstallationCheck
) -> Iterator[Finding]:
    try:
        yield from of(look)
    except Exception as error:  # noqa: BLE001 - whatever it is, still show the other rows
        yield Finding(part, WRONG, f"could not be checked: {type(error).__name__}")


@dataclass
class InstallationCheck:
    """One check of an installation: its parts, and the settings that cannot be right."""

    process: Process
    problems: Sequence[Problem] = ()
    wrong: dict[str, str] = field(init=False)
    """Setting → why it is wrong; two that do not fit together are listed separately."""

    def __post_init__(self) -> None:
        self.wrong = {
            name: problem.reason
            for problem in self.problems
            for name in problem.name.split(" and ")
        }

    def needs(self, *needs: str) -> str:
        """Which of these settings are missing or wrong, as a reason not to try; or empty."""
        lacking = [need for need in needs if self._lacks(need)]
        names = " and ".join(need.upper().replace("|", " or ") for need in lacking)
        return f"needs {names}" if names else ""

    def _lacks(self, need: str) -> bool:
        names = need.split("|")
        there = any(getattr(self.process.settings, name) for name in names)
        return not there or any(name.upper() in self.wrong for name in names)

    @cached_property
    def recorded(self) -> list[ConnectedCompany] | None:
        """The stored companies; None if the database cannot be read."""
        if self.needs("database_url"):
            return None
        try:
            if not schema.is_current(self.process.database):
                return None
            with self.process.database.reading() as conn:
                return companies.all_of_them(conn)
        except SQLAlchemyError:
            return None  # the database's own row says so

    @cached_property
    def policy(self) -> Policy | None:
        """The policy; None if there is no file, or it cannot be read."""
        if self.needs("policy_file"):
            return None
        try:
            return self.process.policy
        except (PolicyError, OSError, UnicodeDecodeError):
            return None  # the policy's own row says so


def _settings(look: InstallationCheck) -> Iterator[Finding]:
    """A row for each setting that a process needs, then for others that are wrong."""
    needed = needs.needed("web", "work", "clock")
    rows = (_setting(look, need) for need in ("database_url", "policy_file", *needed))
    yield from {row.part: row for row in rows}.values()
    shown = {name.upper() for need in needed for name in need.split("|")}
    for name, reason in look.wrong.items():
        if name not in shown | {"DATABASE_URL", "POLICY_FILE"}:
            yield Finding(name, WRONG, reason)
    if plain := settings.unencrypted(look.process.settings):
        words = f"not encrypted, so others could read along; for a trial only: {', '.join(plain)}"
        yield Finding("addresses", WARNING, words)
    else:
        yield Finding("addresses", OK, "all providers are reached over TLS")


def _setting(look: InstallationCheck, need: str) -> Finding:
    found, names = look.process.settings, need.split("|")
    wrong = [name for name in names if name.upper() in look.wrong]
    there = [name for name in names if getattr(found, name)]
    name = " or ".join(each.upper() for each in wrong or there or names)
    if wrong:
        return Finding(name, WRONG, look.wrong[wrong[0].upper()])
    if not there:
        return Finding(name, WARNING if need == "redis_url" else MISSING, needs.HINTS[need])
    if "slack_signing_secret" in there and not settings.like_a_signing_secret(found):
        words = "set, but not the 32 characters (0-9, a-f) that Slack gives; copy it again"
        return Finding(name, WARNING, words)
    return Finding(name, OK, "set")


def _database(look: InstallationCheck) -> Iterator[Finding]:
    if why := look.needs("database_url"):
        yield Finding("database", UNTRIED, why)
        return
    database = look.process.database
    kind = database.engine.dialect.name
    try:
        current = schema.is_current(database)
    except SQLAlchemyError as error:
        words = f"{kind} cannot be reached ({type(error).__name__}); check DATABASE_URL"
        yield Finding("database", WRONG, words)
        return
    if current:
        yield Finding("database", OK, f"{kind}, up to date")
    else:
        yield Finding("database", MISSING, f"{kind} without our tables; run: overdue db upgrade")


def _redis(look: InstallationCheck) -> Iterator[Finding]:
    if why := look.needs("redis_url"):
        yield Finding("redis", UNTRIED, why)
        return
    try:
        version = str(look.process.redis.info("server").get("redis_version", "?"))
    except RedisError as error:
        words = f"cannot be reached ({type(error).__name__}); check REDIS_URL"
        yield Finding("redis", WRONG, words)
        return
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < (6, 2):
        words = f"version {version}; below 6.2 a worker that dies can lose a wake-up call"
        yield Finding("redis", WARNING, words)
    else:
        yield Finding("redis", OK, f"answers, version {version}")


def _policy(look: InstallationCheck) -> Iterator[Finding]:
    if why := look.needs("policy_file"):
        yield Finding("policy", UNTRIED, why)
        return
    try:
        policy = look.process.policy
    except (PolicyError, OSError, UnicodeDecodeError) as error:
        yield Finding("policy", WRONG, " ".join(str(error).split()))
        return
    yield Finding("policy", OK, f"loads, sha256 {policy.sha256[:12]}")
    yield from _shared_ids(look, policy)


def _shared_ids(look: InstallationCheck, policy: Policy) -> Iterator[Finding]:
    """Customer ids in the shared part of the policy, which mean different ones in each company."""
    running = [
        c.realm for c in look.recorded or [] if c.status is not ConnectionStatus.DISCONNECTED
    ]
    if len(realms := policy.sharing_ids(running)) > 1:
        words = (
            "the customer ids of [[customer]] and [[account_manager]] apply to all of "
            f"{', '.join(realms)}, but each company has its own ids; put them into "
            '[[company."REALM".customer]] and [[company."REALM".account_manager]]'
        )
        yield Finding("policy", WARNING, words)


def _slack(look: InstallationCheck) -> Iterator[Finding]:
    why = look.needs("slack_bot_token", "slack_api_url")
    app_token = ("slack_app_token",) if "SLACK_APP_TOKEN" in look.wrong else ()
    no_socket = look.needs(*app_token, "slack_api_url")
    channel = look.process.settings.slack_channel
    named = [channel] if channel and "SLACK_CHANNEL" not in look.wrong else []
    also = (company.channel for company in look.recorded or [])
    channels = [*dict.fromkeys([*named, *also])]
    yield from doctor_slack.examine(look.process, why, no_socket, channels, look.policy)


def _quickbooks(look: InstallationCheck) -> Iterator[Finding]:
    app = _intuit(look)
    yield app
    if why := look.needs("token_keys", *INTUIT[:2], "qbo_api_url"):
        yield Finding("quickbooks", UNTRIED, why)
    elif look.recorded is None:
        yield Finding("quickbooks", UNTRIED, "needs the database, which knows the companies")
    elif not look.recorded:
        yield Finding("quickbooks", WARNING, "no company is connected yet; run: overdue connect")
    elif app.state == WRONG:
        yield Finding("quickbooks", UNTRIED, "needs the QuickBooks app")
    else:
        for company in look.recorded:
            yield from _connected(look.process, company)


def _intuit(look: InstallationCheck) -> Finding:
    """Whether Intuit knows our keys; this needs no company."""
    if why := look.needs(*INTUIT):
        return Finding("quickbooks app", UNTRIED, why)
    try:
        look.process.oauth.check()
    except Refused as error:
        return Finding("quickbooks app", WRONG, f"{error} (QBO_CLIENT_ID, QBO_CLIENT_SECRET)")
    except QuickBooksError as error:
        return Finding("quickbooks app", WRONG, f"{error}; check QBO_OAUTH_URL and the network")
    return Finding("quickbooks app", OK, "Intuit knows the client id and secret")


def _connected(process: Process, company: ConnectedCompany) -> Iterator[Finding]:
    if company.status is ConnectionStatus.DISCONNECTED:
        words = f"{company.realm}: {company.name} is disconnected; App Home connects it again"
        yield Finding("quickbooks", WARNING, words)
        return
    try:
        info = process.ledgers.of(company.realm).company_info()
    except ReauthRequired as error:
        words = f"{company.realm}: {error.message}; the link is in App Home, or: overdue connect"
        yield Finding("quickbooks", WRONG, words)
    except QuickBooksError as error:
        yield Finding("quickbooks", WRONG, f"{company.realm}: {error}")
    else:
        mode = "live" if company.live else "shadow"
        yield Finding("quickbooks", OK, f"{company.realm}: {info.name}, {mode}")
    if not company.reminders_off_at:
        words = (
            f"{company.realm}: nobody has confirmed that QuickBooks' own reminders are off, so no "
            "message is sent; a finance lead confirms it in App Home"
        )
        yield Finding("reminders", MISSING if company.live else WARNING, words)


def _model(look: InstallationCheck) -> Iterator[Finding]:
    names = ("openai_api_key", "openai_base_url", "openai_model")
    wrong = [name.upper() for name in names if name.upper() in look.wrong]
    if wrong:
        yield Finding("model", UNTRIED, f"needs {' and '.join(wrong)}")
    elif look.process.model is None:
        yield Finding("model", WARNING, "no OPENAI_API_KEY: plain templates are used")
    elif why := look.process.model.check():
        yield Finding("model", WRONG, f"{why} Until this is fixed, plain templates are used.")
    elif (policy := look.policy) and look.process.model.name not in policy.model_prices:
        words = (
            f"{look.process.model.name} answers, but has no line in `model.prices` of the policy: "
            "its tokens are counted, and the month's budget cannot hold"
        )
        yield Finding("model", WARNING, words)
    else:
        yield Finding("model", OK, look.process.model.name)


def _mail(look: InstallationCheck) -> Iterator[Finding]:
    why = look.needs(needs.ANY_WAY_TO_SEND)
    if why or look.process.mailer is None:
        yield Finding("mail", UNTRIED, why)
        return
    check = look.process.mailer.check()
    yield Finding("mail", OK if check.ok else WRONG, check.detail)
    yield from _replies(look.process.settings)


def _replies(settings: Settings) -> Iterator[Finding]:
    """Customers answer to MAIL_FROM, so that is the mailbox to read; an alias may lead there."""
    user = unquote(urlsplit(settings.imap_url.get_secret_value()).username or "")
    if not settings.mail_from or "@" not in user:
        return
    ours = named(settings.mail_from).addr_spec
    if user.lower() != ours.lower():
        words = f"customers answer to {ours} (MAIL_FROM), and the mailbox of {user} is read "
        yield Finding("replies", WARNING, f"{words}(IMAP_URL): do answers arrive there?")


def _sources(look: InstallationCheck) -> Iterator[Finding]:
    """A row for each source besides the ledger, with what it could read."""
    for name, row in SOURCES.items():
        yield _source(look, name, row)


def _source(look: InstallationCheck, name: str, row: SourceRow) -> Finding:
    names = [each for need in row.needs for each in need.split("|")]
    why, wrong = look.needs(*row.needs), any(each.upper() in look.wrong for each in names)
    if wrong:
        return Finding(name, UNTRIED, why)
    if not any(getattr(look.process.settings, each) for each in names):
        return Finding(name, OK, f"not connected, by choice ({names[0].upper()} is empty)")
    if why:
        return Finding(name, MISSING, why)
    return _tried(look, name)


def _tried(look: InstallationCheck, name: str) -> Finding:
    """What it says under the policy of every company: each may name other properties."""
    source = next(source for source in look.process.sources if source.name == name)
    shared = look.policy or load_policy("")
    try:
        said = [source.check(utc_now(), p) for p in (shared, *shared.by_company.values())]
    except SourceError as error:
        return Finding(name, WRONG, str(error))
    except Exception as error:  # noqa: BLE001 - its author's mistake; show the other sources
        return Finding(name, WRONG, f"could not be checked: {type(error).__name__}")
    return Finding(name, OK, said[0])
