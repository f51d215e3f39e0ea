"""The finance mailbox: what a customer and its people wrote, for many customers in few commands.

A mail belongs to a customer because it answers one of our messages to it, because it comes from
one of its addresses or from its own domain, or because a colleague forwarded it. Nothing in the
mailbox is changed, not even what counts as read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from email.headerregistry import Address
from typing import Any

from jobs.mail.addresses import named
from jobs.mail.oauth import AccessTokens
from jobs.reasoning.replies import quoted, without_quoted
from jobs.rules.facts.addresses import own_domain
from jobs.rules.facts.evidence import CHANGES_NOTHING, Document
from jobs.rules.facts.findings import Account, Down, Findings, Fresh
from jobs.rules.figures import day
from jobs.rules.policy.policy import Policy
from jobs.settings import Settings
from jobs.sources.imap import Fetched, ImapServer, ImapSession, any_of, key, since_day
from jobs.sources.inbound import ANSWER_SUBJECT, Inbound, letters, parse
from jobs.sources.source import HISTORY, Arrivals, SourceError

BEGINNING = 32_768
"""How many bytes of each mail are read: its text comes before its attachments."""
ALL = 2_000_000
"""How many bytes are read of a mail whose text is longer than that."""
HEADERS = 16_384
OCTETS = 4_000
"""The longest search command; servers should accept 8,000 octets (RFC 2683 3.2.1.5)."""
MOST_NAMES = 20
"""Addresses of one customer in one search, and messages of ours to it."""
MOST_MAILS = 1_000
"""The most mails that one search may find."""
MOST_NEW = 25
"""New mails in one reading: so many are read at the same time, and dealt with in one short
transaction. The next reading follows at once."""
LONG_AT_ONCE = 20
"""Mails in one answer of the server, each up to ALL."""
MOST_DOUBTS = 3
SHORTEST_NAME = 4
"""Shorter names of the sender do not identify a quote as ours: other words contain them."""
DAEMONS = ("mailer-daemon@", "postmaster@")
OUR_MESSAGES = "<overdue."
"""How the Message-IDs of what this product sends begin."""
TO = ("TO", "CC")
DIRECT = ("FROM", *TO)
ANSWERS = ("HEADER In-Reply-To", "HEADER References")


@dataclass(frozen=True)
class Us:
    """The sender of our messages, and by which words a mail names it."""

    address: Address

    @property
    def names(self) -> tuple[str, ...]:
        words = (self.address.display_name, self.address.addr_spec, self.domain)
        return tuple(word for word in words if len(word) >= SHORTEST_NAME)

    @property
    def domain(self) -> str:
        return own_domain(self.address.addr_spec)

    def wrote(self, sender: str) -> bool:
        """Whether this is one of our addresses."""
        at_home = bool(self.domain) and own_domain(sender) == self.domain
        return at_home or sender == self.address.addr_spec.lower()

    def without_ours(self, customers: Iterable[Account]) -> list[Account]:
        """The customers without addresses of ours, which an entry for trials or for staff often
        has: every mail of the folder has one of them in its headers, so they identify nobody."""
        return [
            replace(one, addresses=frozenset(a for a in one.addresses if not self.wrote(a)))
            for one in customers
        ]


@dataclass(frozen=True)
class Cursor:
    """How far the folder was read. UIDs mean something only under the same UIDVALIDITY."""

    validity: int
    uid: int


@dataclass(frozen=True)
class Mailbox:
    """Reads `server` as the mailbox of `us`."""

    server: ImapServer
    us: Us
    name: str = "mailbox"

    @classmethod
    def of_settings(cls, settings: Settings) -> Mailbox:
        """The mailbox that IMAP_URL names, of MAIL_FROM, which every process that reads it has."""
        server = ImapServer.from_url(settings.imap_url.get_secret_value(), access_tokens(settings))
        return cls(server, Us(named(settings.mail_from) if settings.mail_from else Address()))

    def read(
        self, customers: Sequence[Account], since: datetime, now: datetime, policy: Policy
    ) -> Mapping[str, Findings]:
        """All of them or none: if any search fails, nobody can be said to have no mail."""
        customers = self.us.without_ours(customers)
        reading = _Reading(self.us, customers, since)
        groups = list(_groups(customers))
        try:
            with self.server.session() as session:
                session.open(self.server.folder)
                for group in groups:
                    _read_group(session, reading, group)
                if sent := session.sent_folder():
                    session.open(sent, encoded=True)
                    for group in groups:
                        _read_sent(session, reading, group)
        except SourceError as error:
            return {one.id: Findings(Down(now, str(error))) for one in customers}
        return {one.id: reading.findings(one, now) for one in customers}

    def arrived(
        self,
        customers: Sequence[Account],
        after: Mapping[str, Any] | None,
        since: datetime,
        now: datetime,
    ) -> Arrivals:
        """By UIDs, which only grow. Raises SourceError."""
        customers, before = self.us.without_ours(customers), Cursor(**after) if after else None
        with self.server.session() as session:
            count, validity = session.open(self.server.folder), session.uid_validity()
            known = before if before and before.validity == validity else None
            if not count:
                return Arrivals({}, asdict(known or Cursor(validity, 0)))
            last = session.last_uid()
            if known:
                # an old mail that was only moved into the folder is no news
                reading = _Reading(self.us, customers, now - HISTORY)
                found = session.search(f"UID {known.uid + 1}:*") if known.uid < last else []
                uids = [uid for uid in found if uid > known.uid]  # `*` is at least the last mail
            else:
                reading = _Reading(self.us, customers, since)
                uids = session.search(_since(reading))
            some = uids[:MOST_NEW]
            _collect(session, reading, some, customers)
        rest = len(uids) > len(some)
        read_to = Cursor(validity, some[-1] if rest else max(last, *some, 0))
        found_of = {one.id: reading.findings(one, now) for one in customers}
        return Arrivals(found_of, asdict(read_to), rest)

    def check(self, now: datetime, policy: Policy) -> str:
        """How much is in the folder and how far back it goes."""
        with self.server.session() as session:
            count = session.open(self.server.folder)
            oldest = session.oldest() if count else None
            sent = session.sent_folder()
        reach = f", the oldest of {day(oldest)}" if oldest else ""
        also = "sent mail too" if sent else "no folder of sent mail"
        return f"{count} mails in {self.server.folder}{reach}; {also}"

    def close(self) -> None:
        """Nothing to close: each reading closes its own connection."""


@dataclass
class _SoFar:
    """What was found about one customer so far."""

    documents: dict[str, Document] = field(default_factory=dict)
    internal: set[str] = field(default_factory=set)
    """Ids of those documents that a colleague did not send to the customer."""
    people: set[str] = field(default_factory=set)
    bounced: set[str] = field(default_factory=set)
    left: dict[str, datetime] = field(default_factory=dict)
    we_wrote: list[datetime] = field(default_factory=list)
    doubts: dict[str, None] = field(default_factory=dict)
    unread: str = ""


class _Reading:
    """Finds the customers that each mail belongs to, and collects it for them."""

    def __init__(self, us: Us, customers: Sequence[Account], since: datetime) -> None:
        self.us, self.customers, self.since = us, customers, since
        self.our_ids = frozenset().union(*(one.sent for one in customers))
        self._found = {one.id: _SoFar() for one in customers}

    def findings(self, customer: Account, now: datetime) -> Findings:
        """Everything about one customer; Down if a mail of it could not be read."""
        found = self._found[customer.id]
        documents = sorted(self._without_echoes(found), key=lambda one: (one.at, one.id))
        return Findings(
            Down(now, found.unread) if found.unread else Fresh(now),
            known=bool(_keys(customer)),
            documents=tuple(documents),
            people=frozenset(found.people),
            bounced=frozenset(found.bounced),
            left=found.left,
            we_wrote_at=max(found.we_wrote, default=None),
            doubtful=" ".join(list(found.doubts)[:MOST_DOUBTS]),
        )

    def _without_echoes(self, found: _SoFar) -> Iterator[Document]:
        """Leave out a colleague's answer that quotes only what is read anyway: what was settled
        about the customer's mail would come up again with each answer to it. What colleagues say
        about it among themselves stays."""
        documents = found.documents.values()
        read = (d for d in documents if d.author != "colleague" and d.kind not in CHANGES_NOTHING)
        theirs = [letters(document.text) for document in read]
        for document in documents:
            if document.kind == "forward" or not self._is_echo(document, theirs):
                yield document
            elif document.id in found.internal:
                own = without_quoted(document.text, self.us.names)
                if any(letters(line) for line in own.split("\n") if not ANSWER_SUBJECT.match(line)):
                    yield replace(document, text=own)

    def _is_echo(self, document: Document, theirs: Sequence[str]) -> bool:
        lines = quoted(document.text, self.us.names) if document.author == "colleague" else ()
        return bool(lines) and any(all(letters(line) in one for line in lines) for one in theirs)

    def take(self, fetched: Fetched) -> bool:
        """Collect a mail; False if more of it must be read first."""
        if fetched.at < self.since:
            return True
        mail = parse(fetched, self.us.names, self.our_ids)
        if mail is None or not mail.whole:
            return False
        if self.us.wrote(mail.sender) and not mail.failed:
            self._of_ours(mail)
        else:
            self._of_theirs(mail)
        return True

    def give_up(self, fetched: Fetched, group: Sequence[Account]) -> None:
        """Mark all whom an unreadable mail may be about as unread: it may hold a dispute."""
        raw = fetched.raw.lower()
        words = {one.id: (*_names(one), *_sent(one)) for one in group}
        named = [id for id in words if any(word.encode() in raw for word in words[id])]
        for id in named or words:
            on = day(fetched.at.date())
            self._found[id].unread = f"A mail of {on} is damaged or too large to read."

    def too_many(self, customer: Account) -> None:
        """Mark this customer as unread: there is more than can be read in time."""
        found = self._found[customer.id]
        found.unread = f"There are more than {MOST_MAILS} mails of this customer."

    def sent(self, fetched: Fetched) -> None:
        """From the folder of sent mail only the time counts."""
        mail = parse(fetched, (), ())
        if mail is not None and fetched.at >= self.since:
            self._we_wrote(mail)

    def _of_ours(self, mail: Inbound) -> None:
        """A colleague wrote to the customer, or passed on what it wrote: also in an answer, which
        may quote the only copy of a dispute. What this product sent is on record already."""
        about = to = self._we_wrote(mail)
        if about and not mail.quotes_others:
            return
        if mail.message_id.startswith(OUR_MESSAGES) or mail.message_id in self.our_ids:
            return
        if not about:
            words = mail.text.lower()
            about = [one for one in self.customers if any(name in words for name in _names(one))]
        if len(about) == 1:
            self._add(about[0], mail)
            if not to:
                self._found[about[0].id].internal.add(mail.id)
            return
        for one in about:
            doubt = f"A colleague's mail of {day(mail.at.date())} names several customers."
            self._found[one.id].doubts[doubt] = None

    def _we_wrote(self, mail: Inbound) -> list[Account]:
        """Note when, and to whom; returns those customers.

        A message of this product that is not on record counts, too: it was sent after the backup
        that the record was brought back from. Only for those it was sent to: another customer of
        the same domain has a record of its own.
        """
        to = _copied(self.customers, mail)
        if mail.message_id.startswith(OUR_MESSAGES):
            to = [one for one in to if not mail.recipients.isdisjoint(one.addresses)]
        if mail.message_id not in self.our_ids and mail.kind not in CHANGES_NOTHING:
            for one in to:
                self._found[one.id].we_wrote.append(mail.at)
                self._found[one.id].people |= _people(one, mail)
        return to

    def _of_theirs(self, mail: Inbound) -> None:
        about, why = _whose(self.customers, mail)
        doubt = f"A mail of {day(mail.at.date())} {why}." if why else ""
        for one in about:
            self._add(one, mail, doubt)
            self._found[one.id].bounced |= mail.failed & (one.addresses | one.copied)
            if not doubt and not mail.failed:
                self._found[one.id].people |= _people(one, mail)
            if mail.says_left and mail.sender in one.addresses:
                self._found[one.id].left[mail.sender] = mail.at
            if doubt:
                self._found[one.id].doubts[doubt] = None

    def _add(self, customer: Account, mail: Inbound, doubt: str = "") -> None:
        said = mail.kind, mail.at, mail.text, mail.sender, mail.answers, doubt
        author = self._author(customer, mail)
        document = Document(mail.id, "mailbox", *said, author=author, missing=mail.missing)
        self._found[customer.id].documents.setdefault(mail.id, document)

    def _author(self, customer: Account, mail: Inbound) -> str:
        if mail.failed:
            return ""
        if self.us.wrote(mail.sender):
            return "colleague"
        theirs = mail.sender in customer.addresses or own_domain(mail.sender) in customer.domains
        return "customer" if theirs else ""


def _whose(customers: Sequence[Account], mail: Inbound) -> tuple[list[Account], str]:
    """The customers that a mail belongs to, and a doubt if that is uncertain."""
    if answered := [one for one in customers if not mail.answers.isdisjoint(one.sent)]:
        return answered, ""
    if mail.failed:
        failed = mail.failed
        return [c for c in customers if not failed.isdisjoint(c.addresses | c.copied)], ""
    exact = [one for one in customers if mail.sender in one.addresses]
    theirs = exact or [one for one in customers if own_domain(mail.sender) in one.domains]
    if len(theirs) > 1:
        return theirs, "comes from an address that several customers have"
    if theirs:
        return theirs, ""
    return _copied(customers, mail), "only has this customer in copy"


def _people(customer: Account, mail: Inbound) -> set[str]:
    """Who of the customer wrote this mail or got it."""
    return {one for one in {mail.sender, *mail.recipients} if own_domain(one) in customer.domains}


def _copied(customers: Iterable[Account], mail: Inbound) -> list[Account]:
    domains = set(map(own_domain, mail.recipients))
    return [
        one
        for one in customers
        if not mail.recipients.isdisjoint(one.addresses) or not domains.isdisjoint(one.domains)
    ]


def _read_group(session: ImapSession, reading: _Reading, group: Sequence[Account]) -> None:
    """Collect what was written by, to or about these customers."""
    uids = session.search(_criteria(group, reading))
    if len(uids) > MOST_MAILS:
        _apart(session, reading, group)
        return
    _collect(session, reading, uids, group)


def _collect(
    session: ImapSession, reading: _Reading, uids: Sequence[int], group: Sequence[Account]
) -> None:
    """Read these mails, the long ones whole; they may be about this group."""
    longer = [one.uid for one in session.fetch(uids, BEGINNING) if not reading.take(one)]
    for first in range(0, len(longer), LONG_AT_ONCE):
        for fetched in session.fetch(longer[first : first + LONG_AT_ONCE], ALL):
            if not reading.take(fetched):
                reading.give_up(fetched, group)


def _apart(session: ImapSession, reading: _Reading, group: Sequence[Account]) -> None:
    if len(group) == 1:
        reading.too_many(group[0])
        return
    half = len(group) // 2
    _read_group(session, reading, group[:half])
    _read_group(session, reading, group[half:])


def _read_sent(session: ImapSession, reading: _Reading, group: Sequence[Account]) -> None:
    """Collect when one of us wrote to these customers by hand."""
    to = [key(each, name) for one in group for name in _names(one) for each in TO]
    uids = session.search(f"{_since(reading)} {any_of(to)}") if to else []
    for fetched in session.fetch(uids[-MOST_MAILS:], HEADERS, "HEADER"):
        reading.sent(fetched)


def _criteria(group: Sequence[Account], reading: _Reading) -> str:
    """Mails with these customers, answers to our messages, and what servers and colleagues write
    about them."""
    direct = any_of([each for one in group for each in _keys(one)])
    home = f"@{reading.us.domain}" if reading.us.domain else reading.us.address.addr_spec
    writers = any_of([key("FROM", who) for who in (*DAEMONS, home)])
    about = [key("BODY", name) for one in group for name in _names(one)]
    passed_on = f"OR ({writers} {any_of(about)}) " if about else ""
    return f"{_since(reading)} {passed_on}{direct}"


def _since(reading: _Reading) -> str:
    """A day earlier, because servers count days in zones of their own."""
    return since_day((reading.since - timedelta(days=1)).date())


def _keys(customer: Account) -> list[str]:
    keys = [key(each, name) for name in _names(customer) for each in DIRECT]
    return keys + [key(each, id) for id in _sent(customer) for each in ANSWERS]


def _sent(customer: Account) -> list[str]:
    """What stands in the headers of an answer to one of our messages to this customer."""
    return sorted(id.strip("<>").partition("@")[0] for id in customer.sent if id)


def _names(customer: Account) -> list[str]:
    """What a mail of this customer has in its headers: its domains, and addresses elsewhere."""
    others = (one for one in customer.addresses if own_domain(one) not in customer.domains)
    names = sorted([*(f"@{domain}" for domain in customer.domains), *others])
    return [name for name in names if name.isascii() and name.isprintable()]


def _groups(customers: Iterable[Account]) -> Iterator[list[Account]]:
    """As many customers as fit in one search. Whoever has no address cannot be searched for."""
    group: list[Account] = []
    left = OCTETS
    for piece in (piece for customer in customers for piece in _pieces(customer)):
        octets = sum(len(each) + len("OR ") for each in _keys(piece))
        octets += sum(len(name) + len('OR BODY "" ') for name in _names(piece))
        if group and octets > left:
            yield group
            group, left = [], OCTETS
        group.append(piece)
        left -= octets
    if group:
        yield group


def _pieces(customer: Account) -> Iterator[Account]:
    """The customer, or parts of one who has more addresses than fit in one search."""
    addresses, sent = sorted(customer.addresses), sorted(customer.sent)
    for first in range(0, max(len(addresses), len(sent)), MOST_NAMES):
        some = slice(first, first + MOST_NAMES)
        part = replace(customer, addresses=frozenset(addresses[some]), sent=frozenset(sent[some]))
        if _keys(part):
            yield part


def access_tokens(settings: Settings) -> AccessTokens | None:
    """Where access tokens for the mail provider come from, if MAIL_OAUTH_* is set."""
    refresh_token = settings.mail_oauth_refresh_token.get_secret_value()
    if not refresh_token:
        return None
    return AccessTokens(
        settings.mail_oauth_url,
        settings.mail_oauth_client_id,
        settings.mail_oauth_client_secret.get_secret_value(),
        refresh_token,
    )
