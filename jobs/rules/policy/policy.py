"""The policy file: who may do what, how often, up to which amount. Read once, never changed."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from importlib.resources import files
from typing import Annotated, Any, Self

from babel import Locale, UnknownLocaleError
from holidays import list_supported_countries
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from jobs.rules.figures import LANGUAGES
from jobs.rules.policy.errors import PolicyError, sentences
from jobs.rules.states import Role

GERMAN_ALONE = frozenset({"DE", "AT", "LI"})
"""Countries whose only official language is German."""
MARKS = ("key_account", "do_not_chase", "consumer", "disputed")


def _locale(value: str) -> str:
    try:
        return str(Locale.parse(value))
    except (ValueError, UnknownLocaleError):
        raise ValueError(value) from None


def _locale_or_none(value: str) -> str:
    return _locale(value) if value else ""


def _country(value: str) -> str:
    if value and value not in list_supported_countries():
        raise ValueError(value)
    return value


def _times(value: object) -> object:
    """Two clock times, in quotes or as TOML has them; empty is None."""
    if value in ("", []):
        return None
    if isinstance(value, list):
        return tuple(time.fromisoformat(at) if isinstance(at, str) else at for at in value)
    return value


def _in_order(value: tuple[time, time] | None) -> tuple[time, time] | None:
    if value and (any(at.tzinfo for at in value) or value[0] >= value[1]):
        raise ValueError(value)
    return value


def _amount(value: object) -> object:
    """TOML has whole numbers and fractions; true is neither, nor is a number in quotes."""
    return Decimal(str(value)) if type(value) in (int, float) else value


Person = Annotated[str, Field(pattern=r"^[UW][A-Z0-9]+$")]
PersonOrGroup = Annotated[str, Field(pattern=r"^[UWS][A-Z0-9]+$")]
Number = Annotated[Decimal, BeforeValidator(_amount)]
Amount = Annotated[Number, Field(gt=0, description="an amount above 0, such as 10000")]
Cost = Annotated[Number, Field(ge=0, description="an amount of 0 or more, such as 2.5")]
Wording = Annotated[
    str, Field(pattern="^(discount|legal|collections|credit_bureau|interest|credit_hold)$")
]
PEOPLE = Field(strict=False, description="a list of Slack user ids (U…, W…) or user groups (S…)")
YES_NO = Field(description="true or false")
TEXT = Field(description="a text in quotes, on one line", pattern=r"^[^\r\n]*$")


def _count(unit: str, low: int, high: int) -> Any:
    return Field(ge=low, le=high, description=f"a whole number of {unit} from {low} to {high}")


class _Section(BaseModel):
    # Nothing is guessed: `true` is not a number of seconds. Only a TOML list may become a tuple
    # or a set, if the field says `strict=False`.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class People(_Section):
    """`[people]`"""

    collectors: tuple[PersonOrGroup, ...] = PEOPLE
    finance_leads: tuple[PersonOrGroup, ...] = PEOPLE
    deputies: tuple[PersonOrGroup, ...] = PEOPLE
    managers_approve: bool = YES_NO


class Pace(_Section):
    """`[pace]`"""

    undo_seconds: int = _count("seconds", 0, 3600)
    lapse_hours: int = _count("hours", 1, 720)
    gap_days: int = _count("days", 0, 90)
    refresh_working_days: int = _count("working days", 1, 30)
    hold_days: int = _count("days", 1, 365)
    already_paid_working_days: int = _count("working days", 1, 60)
    deadline_working_days: int = _count("working days", 5, 60)
    cards_per_day: int = _count("cards", 1, 1000)
    messages_per_day: int = _count("messages", 1, 10000)
    manager_hours: int = _count("hours", 0, 80)
    text_days: int = _count("days", 30, 3650)


class MessageSettings(_Section):
    """`[message]`"""

    sender_name: str = TEXT
    sender_title: str = TEXT
    sender_phone: str = TEXT
    default_locale: Annotated[str, AfterValidator(_locale_or_none)] = Field(
        description='a locale such as "de_DE", or empty'
    )
    attach_pdf: bool = YES_NO
    pay_links: bool = YES_NO
    how_to_pay: str = Field(
        pattern=r"^[^\[\]{}]*$", description="a text in quotes, without [ ] and { }"
    )
    window: Annotated[
        tuple[time, time] | None, BeforeValidator(_times), AfterValidator(_in_order)
    ] = Field(description='empty, or two times such as ["09:00", "17:00"], the earlier first')
    allow_wording: frozenset[Wording] = Field(
        strict=False,
        description='a list of "discount", "legal", "collections", "credit_bureau", "interest", '
        '"credit_hold"',
    )


LOCALE = Annotated[str, AfterValidator(_locale)]
LanguageCode = Annotated[str, Field(pattern=f"^({'|'.join(LANGUAGES)})$")]


class LanguageSection(_Section):
    """`[language.de]`: what differs in letters of that language."""

    sender_title: str = Field("", description=TEXT.description, pattern=r"^[^\r\n]*$")
    how_to_pay: str = Field(
        "", pattern=r"^[^\[\]{}]*$", description="a text in quotes, without [ ] and { }"
    )


class Calendar(_Section):
    """`[calendar]`"""

    digest_hour: int = _count("o'clock", 0, 23)
    business_days_only: bool = YES_NO
    holiday_country: Annotated[str, AfterValidator(_country)] = Field(
        description='a country code such as "US", or empty'
    )


class Limits(_Section):
    """`[limits.home]`, `[limits.EUR]`: amounts in that one currency."""

    second_approver: Amount
    stop_invoice: Amount
    stop_total: Amount
    smallest: Annotated[Number, Field(ge=0, description="an amount of 0 or more, such as 25")]


@dataclass(frozen=True)
class TokenCount:
    """The tokens of one question to the model: those that its server had `cached` are among those
    `asked`. `failed`: no usable answer; `unmetered`: nothing says how many they were."""

    asked: int
    cached: int
    answered: int
    failed: bool = False
    unmetered: bool = False


class Price(_Section):
    """`[model.prices."gpt-6.1-terra"]`: what a million tokens of this model cost."""

    input: Cost
    cached: Cost
    output: Cost

    def of(self, count: TokenCount) -> Decimal:
        """The cost of one question."""
        fresh = max(count.asked - count.cached, 0)
        whole = fresh * self.input + count.cached * self.cached + count.answered * self.output
        return whole / 1_000_000


class ModelSection(_Section):
    """`[model]`"""

    month_budget: Cost
    prices: dict[str, Price]


class ManagerSection(_Section):
    """`[[account_manager]]`"""

    slack: Person = Field(description="a Slack user id (U… or W…)")
    customers: tuple[str, ...] = Field(
        strict=False, description='a list of customer ids such as ["58", "61"]'
    )
    name: str = Field("", description="a text in quotes, on one line", pattern=r"^[^\r\n]*$")


class CustomerLine(_Section):
    """`[[customer]]`"""

    id: str = Field(description="the customer's id in QuickBooks, in quotes")
    key_account: bool = Field(False, description="true or false")
    do_not_chase: bool = Field(False, description="true or false")
    consumer: bool = Field(False, description="true or false")
    disputed: bool = Field(False, description="true or false")
    locale: LOCALE = Field("", description='a locale such as "en_GB"')


class Mark(_Section):
    """What is special about a customer (one of MARKS), and where that is written."""

    kind: str
    source: str
    invoice: str = ""
    """The id of the invoice with the mark, or empty."""


MarkKind = Annotated[str, Field(pattern=f"^({'|'.join(MARKS)})$")]
KINDS_OF_MARK = 'such as { "Key" = "key_account" }, with one of ' + ", ".join(MARKS)


PROPERTY = r"^[a-z][a-z0-9_]*$"
A_PROPERTY = Annotated[str, Field(pattern=PROPERTY)]
KINDS_OF_PROPERTY = (
    "internal names of properties, small letters, digits and underscores, "
    'such as { "key_account" = "key_account" }, with one of ' + ", ".join(MARKS)
)


class Marked(_Section):
    """`[marks]`: which names in QuickBooks and in the CRM mean a mark."""

    custom_field: str = Field("", description="the name of a custom field, in quotes, or empty")
    values: dict[str, MarkKind] = Field({}, description=KINDS_OF_MARK)
    customer_types: dict[str, MarkKind] = Field({}, description=KINDS_OF_MARK)
    crm_properties: dict[A_PROPERTY, MarkKind] = Field({}, description=KINDS_OF_PROPERTY)


class Crm(_Section):
    """`[crm]`"""

    customer_id: str = Field(
        "",
        pattern=rf"{PROPERTY}|^$",
        description="the internal name of a property, in quotes, or empty",
    )


class _File(_Section):
    people: People
    pace: Pace
    message: MessageSettings
    calendar: Calendar
    limits: dict[Annotated[str, Field(pattern="^(home|[A-Z]{3})$")], Limits]
    marks: Marked = Marked()
    crm: Crm = Crm()
    model: ModelSection
    language: dict[LanguageCode, LanguageSection] = {}
    account_manager: tuple[ManagerSection, ...] = Field((), strict=False)
    customer: tuple[CustomerLine, ...] = Field((), strict=False)

    @model_validator(mode="after")
    def _each_customer_once(self) -> Self:
        managed = [id for manager in self.account_manager for id in manager.customers]
        for kind, ids in (
            ("account_manager", managed),
            ("customer", [c.id for c in self.customer]),
        ):
            if twice := next((id for id in ids if ids.count(id) > 1), None):
                raise ValueError(f"`{kind}`: customer {twice} is listed twice; keep one.")
        return self


class Policy(People, Pace, MessageSettings, Calendar):
    """The whole file, flat: `policy.gap_days`, `policy.sender_name`; who and what by methods."""

    sha256: str
    """The hash of the file's text; stored with every decision."""
    limits_by_currency: dict[str, Limits]
    managers: tuple[ManagerSection, ...]
    customers: tuple[CustomerLine, ...]
    marked: Marked = Marked()
    by_language: dict[str, LanguageSection] = {}
    """Language of a letter → what differs in it."""
    crm_customer_id: str = ""
    """The CRM's property with the customer's id in QuickBooks, or empty."""
    model_budget: Decimal
    """What the model may cost in a month: all companies together, or this company alone if it has
    a budget of its own."""
    model_prices: dict[str, Price]
    """By the model's name in the settings; the cost of one that is not listed is not known."""
    by_company: dict[str, Policy] = {}
    """Realm → policy, for companies with a section of their own."""

    def for_company(self, realm: str) -> Policy:
        """The policy of this company: its own section on top of the rest of the file."""
        return self.by_company.get(realm, self)

    def roles(self, user: str, groups: Mapping[str, frozenset[str]]) -> frozenset[Role]:
        """The roles of a Slack user; `groups` maps a user group's id to its members."""
        return frozenset(role for role, listed in self._listed() if _is_in(user, listed, groups))

    def _listed(self) -> Iterator[tuple[Role, tuple[str, ...]]]:
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
            yield from (i for _, ids in each._listed() for i in ids)

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


def _checked(content: dict[str, Any], realm: str = "") -> _File:
    try:
        return _File.model_validate(content)
    except ValidationError as error:
        where = f'In `[company."{realm}"]`: ' if realm else ""
        said = (f"{where}{sentence}" for sentence in sentences(error, _File))
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


def _flat(file: _File, sha256: str) -> Policy:
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
