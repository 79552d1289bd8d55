"""Telephone numbers: one form kept, and nothing read into what is not one."""

import pytest

from people.rules.phones import NotANumber, normalised, readable


@pytest.mark.parametrize("typed", ["07700 900201", "+44 7700 900201", "(07700) 900-201", "0044.7700.900201"])
def test_one_number_typed_in_any_way_is_one_number(typed: str) -> None:
    assert normalised(typed) == "+447700900201"


@pytest.mark.parametrize(
    "typed", ["", "12", "07700O900201", "07700900201 mum", "CALL 07700900201", "07700900201/07700900202"]
)
def test_what_could_be_another_womans_number_is_none(typed: str) -> None:
    with pytest.raises(NotANumber):
        normalised(typed)


def test_a_number_is_read_out_as_at_home_and_with_its_country_elsewhere() -> None:
    assert readable("+447700900201") == "07700 900201"
    assert readable("+353871234567") == "+353 87 123 4567"
