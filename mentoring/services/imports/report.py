"""What an import says of a file: counts, problems, warnings and differences by line and column, in plain words."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mentoring.rules.imports import Problem

WORDS: dict[str, Promise] = {
    "not_utf8": gettext_lazy("this is not UTF-8 text: save the sheet as “CSV UTF-8”"),
    "not_csv": gettext_lazy("a quotation mark that opens or closes nothing: nothing after it can be read"),
    "empty": gettext_lazy("there is no first line with the names of the columns"),
    "unknown_column": gettext_lazy("column %(detail)s has a name that is none of ours"),
    "column_twice": gettext_lazy("this column stands there twice"),
    "column_missing": gettext_lazy("this column is missing"),
    "too_many_cells": gettext_lazy("more cells than columns"),
    "too_few_cells": gettext_lazy("fewer cells than columns"),
    "missing": gettext_lazy("nothing is written here"),
    "too_long": gettext_lazy("longer than %(detail)s characters"),
    "control_character": gettext_lazy("a character that cannot be read"),
    "not_a_code": gettext_lazy("only letters, digits, hyphen, dot and underscore, and not the word new"),
    "not_a_date": gettext_lazy("not a date: write 2026-11-09 or 09/11/2026"),
    "not_yes_or_no": gettext_lazy("neither yes nor no"),
    "not_in_range": gettext_lazy("not a whole number in %(detail)s"),
    "not_a_choice": gettext_lazy("none of: %(detail)s"),
    "not_a_number": gettext_lazy("not a telephone number that can be rung"),
    "not_a_time": gettext_lazy("not a date and time: write 2026-11-09 14:30 or 09/11/2026 14:30"),
    "no_such_time": gettext_lazy("the clocks went forward: this time did not exist"),
    "time_twice": gettext_lazy("the clocks went back and this time came twice: the first is taken"),
    "in_future": gettext_lazy("this lies in the future"),
    "edd_out_of_range": gettext_lazy("the due date must lie within 44 weeks after the first visit"),
    "before_start": gettext_lazy("this is before the programme began for her"),
    "not_before_start": gettext_lazy("this is not before her first visit"),
    "dates_do_not_fit": gettext_lazy("these dates do not fit together"),
    "code_twice": gettext_lazy("the code of line %(detail)s again"),
    "code_not_yours": gettext_lazy("a mother of another midwife has this code"),
    "locality_unknown": gettext_lazy("there is no locality “%(detail)s”"),
    "locality_not_in_use": gettext_lazy("the locality “%(detail)s” is not in use"),
    "lay_worker_unknown": gettext_lazy("no lay-worker signs in with this address"),
    "lay_worker_not_yours": gettext_lazy("another midwife answers for this lay-worker"),
    "lay_worker_left": gettext_lazy("this lay-worker takes no more mothers"),
    "lay_worker_full": gettext_lazy("this lay-worker now has more mothers than the protocol's %(detail)s"),
    "nobody_to_pair": gettext_lazy("no lay-worker is named: the date is left out"),
    "nothing_to_be_safe": gettext_lazy("no number is given that could be safe"),
    "phone_shared_line": gettext_lazy("the number of line %(detail)s again"),
    "phone_shared_mother": gettext_lazy("another mother has this number"),
    "mother_unknown": gettext_lazy("no mother has this code"),
    "not_with_her": gettext_lazy("she was neither paired nor covering at that time"),
    "entry_twice": gettext_lazy("the attempt of line %(detail)s again, with other minutes or note"),
    "entry_repeated": gettext_lazy("the attempt of line %(detail)s again: it counts once"),
    "refused": gettext_lazy("%(detail)s"),
    "cannot_apply": gettext_lazy("this cannot be changed by an import: change it in the app"),
    "differs": gettext_lazy("differs: it would be changed by an update"),
    "changed": gettext_lazy("changed"),
    "kept": gettext_lazy("differs, and was changed in the app since: it stays as it is there"),
    "never": gettext_lazy("differs: an import never changes this"),
}


@dataclass(slots=True)
class Report:
    """What an import did, or would do. With problems it did nothing."""

    lines: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    dry_run: bool = False
    localities: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    differences: list[Problem] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it as the import page keeps it: words, lines, columns; nothing that stood in a cell."""
        return {
            "lines": self.lines,
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "localities": self.localities,
            "problems": [_as_row(problem) for problem in self.problems],
            "warnings": [_as_row(problem) for problem in self.warnings],
            "differences": [_as_row(problem) for problem in self.differences],
        }


def words(problem: Problem) -> str:
    """Return what is the matter in plain words."""
    return str(WORDS[problem.code]) % {"detail": problem.detail}


def sentences(problems: Iterable[Problem]) -> list[str]:
    """Return each as one line: where, and what."""
    return [
        _("line %(line)d, %(column)s: %(words)s")
        % {"line": problem.line, "column": problem.column or _("whole line"), "words": words(problem)}
        for problem in sorted(problems, key=lambda problem: problem.line)
    ]


def _as_row(problem: Problem) -> list[Any]:
    return [problem.line, problem.column, words(problem)]
