"""Telephone numbers as people type them, kept in one form. Reads and writes no row."""

import re

import phonenumbers

REGION = "GB"
LETTER = re.compile(r"[^\W\d_]")


class NotANumber(ValueError):
    """What was typed is not a telephone number that can be rung."""


def normalised(typed: str) -> str:
    """Return ``typed`` as E.164 (``+44...``), read as a number of the United Kingdom; raise NotANumber otherwise.

    A letter makes it no number: the library passes by an O typed for a 0, and what is left is somebody else's.
    """
    if LETTER.search(typed):
        raise NotANumber(typed)
    try:
        number = phonenumbers.parse(typed, REGION)
    except phonenumbers.NumberParseException as error:
        raise NotANumber(typed) from error
    if not phonenumbers.is_possible_number(number):
        raise NotANumber(typed)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def readable(number: str) -> str:
    """Return an E.164 number as it is read out: national form at home, international elsewhere."""
    parsed = phonenumbers.parse(number, REGION)
    at_home = parsed.country_code == phonenumbers.country_code_for_region(REGION)
    form = phonenumbers.PhoneNumberFormat.NATIONAL if at_home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, form)
