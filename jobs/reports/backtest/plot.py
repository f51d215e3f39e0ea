"""The picture of a backtest as SVG: messages by week, and what each outlook expected of the week
that followed it beside what came. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from xml.sax.saxutils import escape

from jobs.reports.backtest.figures import BacktestFigures, ByWay, ForecastWeek
from jobs.reports.cash.cash import monday

WIDTH, HEIGHT, MARGIN, HEAD = 960, 220, 60, 50
"""Of one panel, in pixels: the drawing, the space around it, the space for title and legend."""
COLOURS = ("#9dbce0", "#d1602b", "#3c8d40", "#7a4fa0", "#8a6d1d", "#b0365f")
Series = tuple[str, Mapping[date, Decimal]]
"""A name, and the value of each week (its Monday)."""


def drawing(by_policy: Mapping[str, BacktestFigures]) -> str:
    """One SVG: messages by week for every policy; below, by policy and currency, what came in each
    week and what each way of expecting money had said."""
    messages = _messages(by_policy)
    panels = [("Messages by week", len(messages), messages)]
    for policy, found in by_policy.items():
        for currency, weeks in found.outlook.weeks.items():
            title = f"{policy}: money expected for each week, and what came ({currency})"
            panels.append((title, 1, _money(weeks)))
    step = HEAD + HEIGHT + MARGIN
    parts = [_panel(*panel, n * step) for n, panel in enumerate(panels)]
    size = f'width="{WIDTH + 2 * MARGIN}" height="{step * len(panels)}"'
    style = 'font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>'
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return "\n".join([head, ground, *parts, "</svg>", ""])


WAYS = ("Overdue's outlook", "everybody pays on the due date", "everybody pays at the median")
"""The names of the ways to expect money, in the order of ByWay."""


def _messages(by_policy: Mapping[str, BacktestFigures]) -> list[Series]:
    return [
        (name, {week: Decimal(count) for week, count in found.by_week.items()})
        for name, found in by_policy.items()
    ]


def _money(weeks: Sequence[ForecastWeek]) -> list[Series]:
    came: Series = ("what came", {monday(w.made_on): w.came for w in weeks})
    ways = zip(ByWay._fields, WAYS, strict=True)
    return [
        came,
        *((n, {monday(w.made_on): getattr(w.expected, f) for w in weeks}) for f, n in ways),
    ]


def _panel(title: str, bars: int, series: Sequence[Series], top: int) -> str:
    """The first `bars` of the series as bars, the others as lines."""
    weeks = sorted({week for _, values in series for week in values})
    highest = max((value for _, values in series for value in values.values()), default=Decimal(0))
    parts = [f'<text x="{MARGIN}" y="18" font-weight="bold">{escape(title)}</text>']
    parts += _legend([name for name, _ in series])
    if weeks:
        parts += _axes(weeks, highest)
        for n, (_, values) in enumerate(series):
            draw = _bars if n < bars else _line
            parts += draw(values, weeks, highest or Decimal(1), n, bars)
    else:
        parts.append(f'<text x="{MARGIN}" y="{HEAD + 20}">Nothing to show.</text>')
    return f'<g transform="translate(0 {top})">{"".join(parts)}</g>'


def _legend(names: Sequence[str]) -> Iterator[str]:
    x = MARGIN
    for n, name in enumerate(names):
        colour = COLOURS[n % len(COLOURS)]
        yield f'<rect x="{x}" y="28" width="10" height="10" fill="{colour}"/>'
        yield f'<text x="{x + 14}" y="37">{escape(name)}</text>'
        x += 40 + 7 * len(name)


def _axes(weeks: Sequence[date], highest: Decimal) -> Iterator[str]:
    bottom = HEAD + HEIGHT
    yield f'<path d="M{MARGIN} {HEAD}V{bottom}H{MARGIN + WIDTH}" fill="none" stroke="#888"/>'
    yield f'<text x="{MARGIN - 4}" y="{HEAD + 4}" text-anchor="end">{highest:,.0f}</text>'
    yield f'<text x="{MARGIN - 4}" y="{bottom}" text-anchor="end">0</text>'
    yield f'<text x="{MARGIN}" y="{bottom + 16}">{weeks[0]}</text>'
    end = f'x="{MARGIN + WIDTH}" y="{bottom + 16}" text-anchor="end"'
    yield f"<text {end}>{weeks[-1]}</text>"


def _place(week: date, weeks: Sequence[date]) -> float:
    """From the left, where a week begins; all weeks are as wide as `_wide`."""
    return MARGIN + (week - weeks[0]) / timedelta(7) * _wide(weeks)


def _wide(weeks: Sequence[date]) -> float:
    return WIDTH / ((weeks[-1] - weeks[0]).days // 7 + 1)


def _bars(
    values: Mapping[date, Decimal], weeks: Sequence[date], highest: Decimal, n: int, of: int
) -> Iterator[str]:
    wide = _wide(weeks) * 0.9 / of
    for week, value in sorted(values.items()):
        x, height = _place(week, weeks) + n * wide, float(value / highest) * HEIGHT
        place = f'x="{x:.1f}" y="{HEAD + HEIGHT - height:.1f}"'
        size = f'width="{wide:.1f}" height="{height:.1f}"'
        yield f'<rect {place} {size} fill="{COLOURS[n % len(COLOURS)]}"/>'


def _line(
    values: Mapping[date, Decimal], weeks: Sequence[date], highest: Decimal, n: int, _: int
) -> Iterator[str]:
    middle = _wide(weeks) / 2
    points = " ".join(
        f"{_place(week, weeks) + middle:.1f},{HEAD + HEIGHT - float(value / highest) * HEIGHT:.1f}"
        for week, value in sorted(values.items())
    )
    stroke = f'stroke="{COLOURS[n % len(COLOURS)]}" stroke-width="2"'
    yield f'<polyline points="{points}" fill="none" {stroke}/>'
