"""The sections of a policy file: what each line may be, with a description for its mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Annotated, Any, Self

from babel import Locale, UnknownLocaleError
from holidays import list_supported_countries
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from jobs.rules.figures import LANGUAGES

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


class FileContent(_Section):
    """The whole file, section by section."""

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
