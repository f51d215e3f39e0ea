"""The policy file: who may do what, how often, up to which amount. Read once, never changed."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from importlib.resources import files
from typing import Any

from babel import Locale, UnknownLocaleError
from pydantic import (
    Field,
    ValidationError,
)

from jobs.rules.policy.errors import PolicyError, sentences
from jobs.rules.policy.sections import (
    MARKS,
    Calendar,
    CustomerLine,
    FileContent,
    LanguageSection,
    Limits,
    ManagerSection,
    Mark,
    Marked,
    MessageSettings,
    Pace,
    People,
    Price,
)
from jobs.rules.states import Role

GERMAN_ALONE = frozenset({"DE", "AT", "LI"})
"""Countries whose only official language is German."""


class Policy(People, Pace, MessageSettings, Calendar):
    """The whole file, flat: `policy.gap_days`, `policy.sender_name`; who and what by methods."""

    sha256: str
    """The hash of the file's text; stored with every decision."""
    limits_by_currency: dict[str, Limits]
    managers: tuple[ManagerSection, ...]
    customers: tuple[CustomerLine, ...]
    marked: Marked = Marked()
    by_language: dict[str, LanguageSection] = Field(default_factory=dict)
    """Language of a letter → what differs in it."""
    crm_customer_id: str = ""
    """The CRM's property with the customer's id in QuickBooks, or empty."""
    model_budget: Decimal
    """What the model may cost in a month: all companies together, or this company alone if it has
    a budget of its own."""
    model_prices: dict[str, Price]
    """By the model's name in the settings; the cost of one that is not listed is not known."""
    by_company: dict[str, Policy] = Field(default_factory=dict)
    """Realm → policy, for companies with a section of their own."""

    def for_company(self, realm: str) -> Policy:
        """The policy of this company: its own section on top of the rest of the file."""
        return self.by_company.get(realm, self)

    def roles(self, user: str, groups: Mapping[str, frozenset[str]]) -> frozenset[Role]:
        """The roles of a Slack user; `groups` maps a user group's id to its members."""
        return frozenset(role for role, listed in self.listed() if _is_in(user, listed, groups))

    def listed(self) -> Iterator[tuple[Role, tuple[str, ...]]]:
        """Each role, and the ids of the users and user groups that have it."""
        yield Role.COLLECTOR, self.collectors
        yield Role.FINANCE_LEAD, self.finance_leads + self.deputies
        yield Role.ACCOUNT_MANAGER, tuple(m.slack for m in self.managers)

    def named_users(self) -> frozenset[str]:
        """Every Slack user id in the file."""
        return frozenset(i for i in self._named() if not i.startswith("S"))

    def named_groups(self) -> frozenset[str]:
        """Every Slack user group id in the file."""
        return frozenset(i for i in self._named() if i.startswith("S"))

    def _named(self) -> Iterator[str]:
        """Every user and group id in the whole file, for any company."""
        for each in (self, *self.by_company.values()):
            yield from (i for _, ids in each.listed() for i in ids)

    def named_customers(self) -> frozenset[str]:
        """Every QuickBooks customer id in these lines; each company numbers its own."""
        managed = (id for manager in self.managers for id in manager.customers)
        return frozenset([*(line.id for line in self.customers), *managed])

    def sharing_ids(self, realms: Iterable[str]) -> list[str]:
        """Those of `realms` that use the customer ids of the shared part of the file."""
        ids = self.named_customers()
        return [r for r in realms if ids and self.for_company(r).named_customers() == ids]

    def account_manager(self, customer_id: str) -> str:
        """The Slack user id of the customer's account manager, or empty."""
        manager = self._manager(customer_id)
        return manager.slack if manager else ""

    def account_manager_name(self, customer_id: str, person: str = "") -> str:
        """The account manager's name as used in letters, or empty.

        Of the `person` (Slack user id) named in Slack, only a name in this file: a display name in
        Slack may be anything.
        """
        if person:
            return next((m.name for m in self.managers if m.slack == person and m.name), "")
        manager = self._manager(customer_id)
        return manager.name if manager else ""

    def _manager(self, customer_id: str) -> ManagerSection | None:
        return next((m for m in self.managers if customer_id in m.customers), None)

    def limits(self, currency: str, home_currency: str) -> Limits | None:
        """The limits in `currency`; None if the file has none for it."""
        own = self.limits_by_currency.get(currency)
        if own is None and currency == home_currency:
            return self.limits_by_currency["home"]
        return own

    def marks(self, customer_id: str) -> tuple[Mark, ...]:
        """The customer's marks, of the kinds in MARKS."""
        line = self._customer(customer_id)
        kinds = [kind for kind in MARKS if line and getattr(line, kind)]
        return tuple(Mark(kind=kind, source="the policy file") for kind in kinds)

    def locale(self, customer_id: str, country: str) -> str:
        """The Babel locale of the customer: its own line, the company's, or as in `country`.

        A country's own language is taken where it is the only one and letters can be in it.
        """
        line = self._customer(customer_id)
        if own := (line.locale if line else "") or self.default_locale:
            return own
        language = "de" if country.upper() in GERMAN_ALONE else "en"
        try:
            return str(Locale(language, country.upper()))
        except (ValueError, UnknownLocaleError):
            return "en_US"

    def in_language(self, language: str) -> Policy:
        """The policy with the lines that it has for letters of this language."""
        own = self.by_language.get(language, LanguageSection())
        return self.model_copy(update={name: text for name, text in own if text})

    def _customer(self, customer_id: str) -> CustomerLine | None:
        return next((c for c in self.customers if c.id == customer_id), None)


def _is_in(user: str, listed: tuple[str, ...], groups: Mapping[str, frozenset[str]]) -> bool:
    return user in listed or any(user in groups.get(i, ()) for i in listed if i.startswith("S"))


def default_text() -> str:
    """The documented default policy file, which every other one extends."""
    return files("jobs.rules.policy").joinpath("policy.toml").read_text(encoding="utf-8")


def load(text: str) -> Policy:
    """The policy in `text`, over the default one; `[company."REALM"]` blocks go on top of both.

    Raises PolicyError with one sentence per mistake, each naming its key and what is expected.
    """
    try:
        base, own = tomllib.loads(default_text()), tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"The policy file is not valid TOML: {error}.") from error
    companies, whole = own.pop("company", {}), _laid_over(base, own)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    policy = _flat(_checked(whole), sha256)
    own_lines = _by_realm(companies)
    return policy.model_copy(
        update={
            "by_company": {
                realm: _flat(_checked(_laid_over(whole, lines), realm), sha256)
                for realm, lines in own_lines.items()
            }
        }
    )


def _checked(content: dict[str, Any], realm: str = "") -> FileContent:
    try:
        return FileContent.model_validate(content)
    except ValidationError as error:
        where = f'In `[company."{realm}"]`: ' if realm else ""
        said = (f"{where}{sentence}" for sentence in sentences(error, FileContent))
        raise PolicyError("\n".join(said)) from error


def _by_realm(companies: object) -> dict[str, dict[str, Any]]:
    if isinstance(companies, dict) and all(
        isinstance(lines, dict) and realm.isdecimal() for realm, lines in companies.items()
    ):
        for realm, lines in companies.items():
            _check_shared(realm, lines)
        return companies
    raise PolicyError(
        '`company` should be blocks such as [company."4620816365000000001".limits.home], with the '
        "realm that `overdue company list` shows."
    )


def _check_shared(realm: str, lines: dict[str, Any]) -> None:
    pace = lines.get("pace")
    if isinstance(pace, dict) and "text_days" in pace:
        raise PolicyError(
            f'In `[company."{realm}"]`: `pace.text_days` applies to all companies together, as '
            "texts belong to none of them. Set it in the `[pace]` section above."
        )


def _laid_over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    both = {k: _laid_over(base[k], v) if _tables(base.get(k), v) else v for k, v in own.items()}
    return {**base, **both}


def _tables(base: object, own: object) -> bool:
    return isinstance(base, dict) and isinstance(own, dict)


def _flat(file: FileContent, sha256: str) -> Policy:
    sections = (file.people, file.pace, file.message, file.calendar)
    return Policy(
        sha256=sha256,
        limits_by_currency=file.limits,
        managers=file.account_manager,
        customers=file.customer,
        marked=file.marks,
        by_language=file.language,
        crm_customer_id=file.crm.customer_id,
        model_budget=file.model.month_budget,
        model_prices=file.model.prices,
        **{name: value for section in sections for name, value in section},
    )
