"""Form fields that speak in plain words: a date in three boxes and a time. They decide nothing about the dates."""

import datetime
from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dates import MONTHS, MONTHS_3
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

DAY, MONTH, YEAR = range(3)


class NhsDateWidget(forms.MultiWidget):
    """Three boxes for day, month and year, named ``<field>_0`` to ``<field>_2``. Keeps what was typed."""

    def __init__(self, attrs: dict[str, Any] | None = None, *, birthday: bool = False) -> None:
        boxes = [(_("Day"), 2, "day"), (_("Month"), 2, "month"), (_("Year"), 4, "year")]
        super().__init__(
            [
                forms.TextInput(
                    attrs={"aria-label": label, "inputmode": "numeric", "data-width": width}
                    | ({"autocomplete": f"bday-{part}"} if birthday else {})
                )
                for label, width, part in boxes
            ],
            attrs,
        )

    def decompress(self, value: Any) -> list[Any]:
        return [value.day, value.month, value.year] if isinstance(value, datetime.date) else [None, None, None]


class NhsDateField(forms.MultiValueField):
    """A date typed in three boxes; cleans to ``datetime.date`` or None.

    A month may be a number or its name. Errors say which part is missing or wrong and carry the boxes in
    ``params["parts"]``, so that only those are marked. ``error_messages`` takes ``required``, ``missing``
    (with ``%(what)s``), ``year`` and ``invalid``.
    """

    default_error_messages: ClassVar[dict[str, Any]] = {
        "required": _("Enter a date"),
        "missing": _("The date must include %(what)s"),
        "year": _("The year must have 4 numbers, for example 2026"),
        "invalid": _("Enter a real date, for example 9 11 2026"),
    }

    def __init__(self, *, birthday: bool = False, **kwargs: Any) -> None:
        kwargs.setdefault("widget", NhsDateWidget(birthday=birthday))
        super().__init__([forms.CharField(required=False) for _part in range(3)], require_all_fields=False, **kwargs)

    def clean(self, value: Any) -> datetime.date | None:
        if self.disabled:
            return self.compress(value if isinstance(value, list) else self.widget.decompress(value))
        typed = [str(part or "").strip() for part in (value or ["", "", ""])]
        found = self.compress(typed)
        if found is not None:
            self.validate(found)
            self.run_validators(found)
        return found

    def validate(self, value: Any) -> None:
        """Emptiness has been judged box by box already."""

    def compress(self, data_list: Sequence[Any]) -> datetime.date | None:
        day, month, year = ([str(part or "").strip() for part in data_list] + ["", "", ""])[:3]
        empty = [part for part, typed in enumerate((day, month, year)) if not typed]
        if len(empty) == 3:
            if self.required:
                raise self._refusal("required", [DAY, MONTH, YEAR])
            return None
        if empty:
            raise self._refusal("missing", empty, what=self._names(empty))
        if not (year.isascii() and year.isdigit() and len(year) == 4):
            raise self._refusal("year", [YEAR])
        try:
            return datetime.date(int(year), _month_number(month), int(day))
        except ValueError:
            raise self._refusal("invalid", self._unreal(day, month)) from None

    def _refusal(self, code: str, parts: list[int], **params: Any) -> ValidationError:
        return ValidationError(self.error_messages[code], code=code, params={"parts": parts, **params})

    @staticmethod
    def _names(parts: list[int]) -> str:
        names = {
            (DAY,): gettext("a day"),
            (MONTH,): gettext("a month"),
            (YEAR,): gettext("a year"),
            (DAY, MONTH): gettext("a day and a month"),
            (DAY, YEAR): gettext("a day and a year"),
            (MONTH, YEAR): gettext("a month and a year"),
        }
        return names[tuple(parts)]

    @staticmethod
    def _unreal(day: str, month: str) -> list[int]:
        """Return the boxes to mark: the one that can never be right, or all if only the combination is wrong."""
        parts = []
        if not (day.isascii() and day.isdigit() and 1 <= int(day) <= 31):
            parts.append(DAY)
        try:
            if not 1 <= _month_number(month) <= 12:
                parts.append(MONTH)
        except ValueError:
            parts.append(MONTH)
        return parts or [DAY, MONTH, YEAR]


def _month_number(typed: str) -> int:
    """Return the month typed as a number or as its name, whole or short. Raises ValueError for anything else."""
    if typed.isascii() and typed.isdigit():
        return int(typed)
    wanted = typed.casefold().rstrip(".")
    for names in (MONTHS, MONTHS_3):
        for number, name in names.items():
            if wanted == str(name).casefold():
                return number
    raise ValueError(typed)


class NhsTimeField(forms.TimeField):
    """A time of day, local. Phones show their own picker; typed ones may be 14:30, 14.30, 1430 or 2:30pm."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "required": _("Enter a time"),
        "invalid": _("Enter a real time, for example 14:30"),
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TimeInput(format="%H:%M", attrs={"type": "time"}))
        kwargs.setdefault("input_formats", ["%H:%M", "%H:%M:%S", "%H.%M", "%H%M", "%I:%M%p", "%I.%M%p", "%I%p"])
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> datetime.time | None:
        return super().to_python(value.replace(" ", "") if isinstance(value, str) else value)
