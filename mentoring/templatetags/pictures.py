"""Pictures drawn on the server as SVG, coloured by attributes alone. They show what they are given, decide nothing."""

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

register = template.Library()

INK = "#212b32"
TEAL = "#0b5560"
RED = "#d5281b"
GREY = "#4c6272"

# The words for the stored codes, in the order of the legend.
STATUS_WORDS = {
    "made": _("Made"),
    "missed": _("Missed"),
    "due": _("Due now"),
    "overdue": _("Overdue"),
    "upcoming": _("Coming up"),
    "paused": _("Paused"),
    "cancelled": _("Cancelled"),
    "not_offered": _("Not offered"),
}

STATUS_COLOURS = {
    "made": "green",
    "missed": "red",
    "due": "aqua-green",
    "overdue": "orange",
    "upcoming": "white",
    "paused": "grey",
    "cancelled": "grey",
    "not_offered": "grey",
}

# Each status has a shape of its own, so that nothing rests on colour: 28 by 28, drawn once a cell.
_BOX = '<rect x="2" y="2" width="24" height="24" rx="4" {attrs}/>'
_SHAPES = {
    "made": _BOX.format(attrs=f'fill="{TEAL}" stroke="{TEAL}" stroke-width="2"')
    + '<path d="M8 14.5l4 4 8-9" fill="none" stroke="#ffffff" stroke-width="3" stroke-linecap="round"/>',
    "missed": _BOX.format(attrs=f'fill="#ffffff" stroke="{RED}" stroke-width="2"')
    + f'<path d="M9 9l10 10M19 9l-10 10" fill="none" stroke="{RED}" stroke-width="3" stroke-linecap="round"/>',
    "due": _BOX.format(attrs=f'fill="#ffffff" stroke="{TEAL}" stroke-width="3" stroke-dasharray="5 3"'),
    "overdue": _BOX.format(attrs=f'fill="#fff4d3" stroke="{RED}" stroke-width="3" stroke-dasharray="5 3"')
    + f'<path d="M14 7v9" stroke="{INK}" stroke-width="3" stroke-linecap="round"/>'
    + f'<circle cx="14" cy="21" r="2" fill="{INK}"/>',
    "upcoming": f'<circle cx="14" cy="14" r="5" fill="{GREY}"/>',
    "cancelled": _BOX.format(attrs=f'fill="#ffffff" stroke="{GREY}" stroke-width="1"')
    + f'<path d="M5 23L23 5" stroke="{GREY}" stroke-width="2"/>',
    "not_offered": f'<circle cx="14" cy="14" r="6" fill="none" stroke="{GREY}" stroke-width="2"/>',
}
_SVG = '<svg width="{width}" height="28" viewBox="0 0 {width} 28" aria-hidden="true" focusable="false">{shape}</svg>'
_MARKS = {code: SafeString(_SVG.format(width=28, shape=shape)) for code, shape in _SHAPES.items()} | {
    "paused": SafeString(
        _SVG.format(
            width=60,
            shape=f'<rect x="1" y="9" width="58" height="10" rx="5" fill="#d8dde0" stroke="{GREY}" stroke-width="2"/>',
        )
    )
}


@register.filter
def status_word(code: str) -> str:
    """Return the word that people see for a stored status of a window."""
    return str(STATUS_WORDS[code])


@register.filter
def status_colour(code: str) -> str:
    """Return the colour of the tag for a stored status of a window."""
    return STATUS_COLOURS[code]


@register.filter
def status_mark(code: str) -> SafeString:
    """Return the small drawing for a stored status of a window, hidden from screen readers."""
    return _MARKS[code]


@register.inclusion_tag("components/windows_strip.html")
def windows_strip(
    windows: Iterable[Mapping[str, Any]],
    pauses: Iterable[Mapping[str, Any]] = (),
    finding: str = "",
    heading_level: int = 2,
    strip_id: str = "windows",
) -> dict[str, Any]:
    """Draw windows in date order with their pauses, a legend of what is shown, and the same in a table.

    ``windows``: dicts with number, due_on, opens_on, closes_on (dates; closes_on is the first day after) and status.
    ``pauses``: dicts with from_on and until_on (None while open). ``finding`` is the heading: what the picture says.
    """
    listed = list(windows)
    rows = [
        {
            "status": window["status"],
            "on": window["due_on"],
            "sort": (window["due_on"], 1),
            "number": window["number"],
            "opens_on": window["opens_on"],
            "last_on": window["closes_on"] - datetime.timedelta(days=1),
        }
        for window in listed
    ]
    rows += [
        {
            "status": "paused",
            "on": pause["from_on"],
            "sort": (pause["from_on"], 0),
            "until_on": pause["until_on"],
        }
        for pause in pauses
    ]
    rows.sort(key=lambda row: row["sort"])
    year = None
    for row in rows:
        row["label"] = _label(row["on"], with_year=year is not None and row["on"].year != year)
        year = row["on"].year
    counts = Counter(row["status"] for row in rows)
    shown = [code for code in STATUS_WORDS if counts[code]]
    return {
        "rows": rows,
        "legend": [{"code": code, "count": counts[code]} for code in shown],
        "summary": _summary(counts, shown, len(listed)),
        "finding": finding or _finding(counts),
        "heading_tag": f"h{heading_level}",
        "strip_id": strip_id,
    }


def _label(on: datetime.date, *, with_year: bool) -> str:
    return date_format(on, "j M Y" if with_year else "j M")


def _finding(counts: Counter[str]) -> str:
    closed = counts["made"] + counts["missed"]
    if not closed:
        return gettext("No window has closed yet")
    return ngettext("%(made)s of %(closed)s window made", "%(made)s of %(closed)s windows made", closed) % {
        "made": counts["made"],
        "closed": closed,
    }


def _summary(counts: Counter[str], shown: list[str], total: int) -> str:
    """Return the picture in one sentence, for people who do not see it."""
    parts = ", ".join(f"{STATUS_WORDS[code]}: {counts[code]}" for code in shown)
    words = ngettext("%(total)s planned contact. %(parts)s.", "%(total)s planned contacts. %(parts)s.", total)
    return words % {"total": total, "parts": parts}
