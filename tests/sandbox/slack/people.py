"""The cast: who works at the company that uses the sandbox, and who only looks in."""

from dataclasses import dataclass

from tests.sandbox.slack.kinds import Json

TEAM = "TOVERDUE"
TEAM_DOMAIN = "brassfern"
TEAM_NAME = "Brass Fern Supply"
OTHER_TEAM = "TOTHER"
APP = "AOVERDUE"
BOT_USER = "UOVERDUE"
BOT = "BOVERDUE"
BOT_NAME = "overdue"


@dataclass(frozen=True)
class Person:
    """A Slack user. `role` is a word for the page only: Slack knows nothing of it."""

    id: str
    name: str
    real_name: str
    role: str
    team: str = TEAM
    is_guest: bool = False
    is_bot: bool = False
    is_deactivated: bool = False
    tz: str = "Europe/Berlin"
    tz_offset: int = 3600
    locale: str = "en-GB"

    @property
    def email(self) -> str:
        """Their address at work."""
        domain = "contoso.example" if self.team == OTHER_TEAM else "brassfern.example"
        return f"{self.name}@{domain}"


CAST = (
    Person("UCOLLECT", "cora", "Cora Lindqvist", "Collector"),
    Person("UMANAGER", "marc", "Marc Oduya", "Account manager"),
    Person("ULEAD1", "lena", "Lena Brandt", "Finance lead"),
    Person("ULEAD2", "louis", "Louis Tan", "Finance lead"),
    Person("UGUEST", "gus", "Gus Palmer", "Guest", is_guest=True),
    Person("USTRANGER", "sybil", "Sybil Stone", "Other organisation", team=OTHER_TEAM),
)
ROBOT = Person(BOT_USER, BOT_NAME, "Overdue", "App", is_bot=True)


def as_user(person: Person, *, with_locale: bool = False) -> Json:
    """The `user` object of users.info, without the address, which needs a scope of its own."""
    user: Json = {
        "id": person.id,
        "team_id": person.team,
        "name": person.name,
        "real_name": person.real_name,
        "deleted": person.is_deactivated,
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": person.tz_offset,
        "profile": {
            "real_name": person.real_name,
            "real_name_normalized": person.real_name,
            "display_name": person.real_name,
            "display_name_normalized": person.real_name,
            "team": person.team,
        },
        "is_admin": False,
        "is_owner": False,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "is_restricted": person.is_guest,
        "is_ultra_restricted": False,
        "is_stranger": person.team != TEAM,
        "updated": 1_764_000_000,
    }
    return user | ({"locale": person.locale} if with_locale else {})
