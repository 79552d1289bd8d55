"""A caseload's hours in few words. Decides nothing."""

from decimal import Decimal

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def hours_word(hours: Decimal) -> str:
    """Return "8" or "7.5": hours without a nought behind the point."""
    return str(number_format(f"{hours.normalize():f}"))
