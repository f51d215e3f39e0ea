"""`overdue doctor`: everything Overdue needs, looked at now, with what to do where it is missing.

It changes nothing and shows no secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from bot import rooms, slack
from bot.people import trouble
from bot.processes import Kit
from bot.rooms import Room
from bot.slack import Later, Trouble
from jobs import settings
from jobs.decide.disconnect import DISCONNECTED
from jobs.rules.policy import Policy, PolicyError
from jobs.settings import Problem
from jobs.store import companies, schema
from jobs.store.companies import Company
from qbo import QuickBooksError, ReauthRequired

OK, WARNING, MISSING = "ok", "warning", "missing"
SCOPES = (
    *("chat:write", "commands", "users:read", "usergroups:read"),
    *("channels:read", "groups:read", "channels:history", "groups:history"),
)
"""What manifest.yml asks for; a test holds the two together."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `state` is OK, WARNING or MISSING."""

    part: str
    state: str
    words: str


def examine(kit: Kit) -> list[Finding]:
    """Look at everything, one part after the other; a part that fails hides no other."""
    parts: tuple[Callable[[Kit], Iterator[Finding]], ...] = (
        _settings,
        _database,
        _redis,
        _policy,
        _slack,
        _socket,
        _quickbooks,
        _model,
        _mail,
    )
    return [finding for part in parts for finding in part(kit)]


def unusable(problems: Iterable[Problem]) -> list[Finding]:
    """Settings that cannot be right; all others are looked at without them."""
    return [Finding("settings", MISSING, f"{each.name}: {each.reason}") for each in problems]


def table(findings: list[Finding]) -> str:
    """The findings as aligned lines, and how many are missing."""
    widest = max(len(finding.part) for finding in findings)
    lines = [f"{f.part:<{widest}}  {f.state:<7}  {f.words}" for f in findings]
    lacking = sum(finding.state == MISSING for finding in findings)
    end = f"{lacking} missing: see above." if lacking else "Nothing is missing."
    return "\n".join([*lines, "", end])


def _settings(kit: Kit) -> Iterator[Finding]:
    lacking = settings.missing(kit.settings, "web", "work", "clock")
    for problem in lacking:
        yield Finding("settings", MISSING, f"{problem.name} {problem.reason}")
    if not lacking:
        yield Finding("settings", OK, "everything that the processes need is set")


def _database(kit: Kit) -> Iterator[Finding]:
    try:
        current = schema.is_current(kit.database)
    except SQLAlchemyError as error:
        words = f"cannot be reached ({type(error).__name__}); check DATABASE_URL"
        yield Finding("database", MISSING, words)
        return
    kind = kit.database.engine.dialect.name
    if current:
        yield Finding("database", OK, f"{kind}, up to date")
    else:
        yield Finding("database", MISSING, f"{kind} without our tables; run: overdue db upgrade")


def _redis(kit: Kit) -> Iterator[Finding]:
    if not kit.settings.redis_url.get_secret_value():
        return  # said among the settings
    try:
        version = str(kit.redis.info("server").get("redis_version", "?"))
    except RedisError as error:
        words = f"cannot be reached ({type(error).__name__}); check REDIS_URL"
        yield Finding("redis", MISSING, words)
        return
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < (6, 2):
        words = f"version {version}; a worker that dies could lose a wake-up call below 6.2"
        yield Finding("redis", WARNING, words)
    else:
        yield Finding("redis", OK, f"answers, version {version}")


def _policy(kit: Kit) -> Iterator[Finding]:
    try:
        policy = kit.policy
    except (PolicyError, OSError, UnicodeDecodeError) as error:
        yield Finding("policy", MISSING, " ".join(str(error).split()))
        return
    if kit.settings.policy_file is None:
        yield Finding("policy", WARNING, "no POLICY_FILE is read: the defaults, which name nobody")
    else:
        yield Finding("policy", OK, f"loads, sha256 {policy.sha256[:12]}")
    yield from _named(policy)
    yield from _shared_ids(kit, policy)


def _shared_ids(kit: Kit, policy: Policy) -> Iterator[Finding]:
    """QuickBooks numbers the customers of each company anew."""
    try:
        with kit.database.reading() as conn:
            running = [c.realm for c in companies.all_of_them(conn) if c.status != DISCONNECTED]
    except SQLAlchemyError:
        return  # said of the database
    if len(realms := policy.sharing_ids(running)) > 1:
        words = (
            "the customer ids of [[customer]] and [[account_manager]] hold in "
            f"{', '.join(realms)} alike, but each company has ids of its own; put them into "
            '[[company."REALM".customer]] and [[company."REALM".account_manager]]'
        )
        yield Finding("policy", WARNING, words)


def _named(policy: Policy) -> Iterator[Finding]:
    """Whether each role is named; who these people are, only Slack knows."""
    if not policy.finance_leads + policy.deputies:
        yield Finding("people", MISSING, "no finance lead: name one under [people] in the policy")
    if not policy.collectors:
        words = "no collector is named; finance leads have to approve everything"
        yield Finding("people", WARNING, words)
    if not policy.managers:
        words = "no [[account_manager]]: a finance lead's Fine opens approval in their place"
        yield Finding("people", WARNING, words)
    if len(set(policy.finance_leads + policy.deputies)) == 1 and not _has_groups(policy):
        words = "one finance lead only: name a deputy, or two-person cases wait for holidays"
        yield Finding("people", WARNING, words)


def _has_groups(policy: Policy) -> bool:
    return bool(policy.named_groups())


def _slack(kit: Kit) -> Iterator[Finding]:
    if not kit.settings.slack_bot_token.get_secret_value():
        return  # said among the settings
    home, headers = slack.call_with_headers(kit.slack, "auth.test")
    if isinstance(home, Trouble):
        words = f"auth.test: {slack.said(home)}; check SLACK_BOT_TOKEN and SLACK_API_URL"
        yield Finding("slack", MISSING, words)
        return
    yield Finding("slack", OK, f"{home.get('team')}, as {home.get('user')}")
    yield from _scopes(headers)
    yield from _channels(kit)
    yield from _people(kit, home)


def _socket(kit: Kit) -> Iterator[Finding]:
    """Whether Socket Mode has a token that opens a socket. None is opened here."""
    if not (token := kit.settings.slack_app_token.get_secret_value()):
        return
    found = slack.socket_url(slack.client(token, kit.settings.slack_api_url))
    if isinstance(found, Later):
        yield Finding("slack socket", WARNING, f"apps.connections.open: {slack.said(found)}")
    elif isinstance(found, Trouble):
        words = (
            f"apps.connections.open: {slack.said(found)}; SLACK_APP_TOKEN must be an app-level "
            "token (xapp-) of this app with connections:write"
        )
        yield Finding("slack socket", MISSING, words)
    else:
        yield Finding("slack socket", OK, "SLACK_APP_TOKEN opens one")


def _scopes(headers: Mapping[str, str]) -> Iterator[Finding]:
    lowered = {name.lower(): value for name, value in headers.items()}
    given = {scope.strip() for scope in lowered.get("x-oauth-scopes", "").split(",")}
    if lacking := [scope for scope in SCOPES if scope not in given]:
        words = f"lacking {', '.join(lacking)}; add them (manifest.yml) and install the app again"
        yield Finding("slack scopes", MISSING, words)
    else:
        yield Finding("slack scopes", OK, f"all {len(SCOPES)}")


def _channels(kit: Kit) -> Iterator[Finding]:
    """The finance channel, and those of the companies."""
    wanted = dict.fromkeys([kit.settings.slack_channel] if kit.settings.slack_channel else [])
    try:
        with kit.database.reading() as conn:
            wanted |= dict.fromkeys(each.channel for each in companies.all_of_them(conn))
    except SQLAlchemyError:
        pass  # said of the database
    for channel in wanted:
        state, words = _channel(rooms.look(kit.slack, channel))
        yield Finding("slack channel", state, f"{channel}: {words}")


def _channel(room: Room) -> tuple[str, str]:
    if room.trouble:
        return MISSING, room.trouble
    if room.public:
        return WARNING, f"#{room.name} is public: everybody here can read the cards"
    return OK, f"#{room.name}"


def _people(kit: Kit, home: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether those whom the policy names are there and may act."""
    try:
        policy = kit.policy
    except (PolicyError, OSError, UnicodeDecodeError):
        return  # said of the policy
    bad = dict(_in_trouble(kit, policy, home))
    for id, why in bad.items():
        yield Finding("people", MISSING, f"{id} {why}; correct the policy file")
    if policy.named_users() and not bad:
        yield Finding("people", OK, f"{len(policy.named_users())} named, all in good standing")


def _in_trouble(kit: Kit, policy: Policy, home: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for id in sorted(policy.named_users()):
        answer = slack.call(kit.slack, "users.info", user=id)
        if isinstance(answer, Trouble):
            yield id, f"is not known to Slack ({slack.said(answer)})"
        elif why := trouble(answer["user"], home):
            yield id, STANDING[why]
    for id in sorted(policy.named_groups()):
        answer = slack.call(kit.slack, "usergroups.users.list", usergroup=id)
        if isinstance(answer, Trouble):
            yield id, f"is not known to Slack as a user group ({slack.said(answer)})"
        elif not answer["users"]:
            yield id, "is a user group without members"


STANDING = {
    "gone": "is deactivated and may not act",
    "bot": "is a bot and may not act",
    "guest": "is a guest and may not act",
    "stranger": "belongs to another organisation and may not act",
}


def _quickbooks(kit: Kit) -> Iterator[Finding]:
    if not (kit.settings.token_keys and kit.settings.qbo_client_id):
        return  # said among the settings
    try:
        with kit.database.reading() as conn:
            known = companies.all_of_them(conn)
    except SQLAlchemyError:
        return  # said of the database
    if not known:
        yield Finding("quickbooks", WARNING, "no company is connected yet; run: overdue connect")
    for company in known:
        yield from _connected(kit, company)


def _connected(kit: Kit, company: Company) -> Iterator[Finding]:
    if company.status == DISCONNECTED:
        words = f"{company.realm}: {company.name} is disconnected; App Home connects it again"
        yield Finding("quickbooks", WARNING, words)
        return
    try:
        info = kit.ledgers.of(company.realm).company_info()
    except ReauthRequired as error:
        words = f"{company.realm}: {error.message}; the link is in App Home, or: overdue connect"
        yield Finding("quickbooks", MISSING, words)
    except QuickBooksError as error:
        yield Finding("quickbooks", MISSING, f"{company.realm}: {error}")
    else:
        mode = "live" if company.live else "shadow"
        yield Finding("quickbooks", OK, f"{company.realm}: {info.name}, {mode}")
    if not company.reminders_off_at:
        words = (
            f"{company.realm}: nobody has confirmed that QuickBooks' own reminders are off, so no "
            "message is sent; a finance lead does, in App Home"
        )
        yield Finding("reminders", MISSING if company.live else WARNING, words)


def _model(kit: Kit) -> Iterator[Finding]:
    if kit.model is None:
        yield Finding("model", WARNING, "not configured: plain templates are used")
    elif why := kit.model.check():
        yield Finding("model", MISSING, f"{why} Until it is mended plain templates are used.")
    else:
        yield Finding("model", OK, kit.model.model)


def _mail(kit: Kit) -> Iterator[Finding]:
    if kit.mailer is None:
        return  # said among the settings
    check = kit.mailer.check()
    yield Finding("mail", OK if check.ok else MISSING, check.detail)
