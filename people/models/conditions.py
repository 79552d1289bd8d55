"""Conditions that several tables' constraints share."""

from django.db.models import Q


def both_or_neither(one: str, other: str) -> Q:
    """Return the condition that ``one`` and ``other`` are both empty or both filled: a decision has its when and its who."""
    return Q(**{f"{one}__isnull": True, f"{other}__isnull": True}) | Q(
        **{f"{one}__isnull": False, f"{other}__isnull": False}
    )
