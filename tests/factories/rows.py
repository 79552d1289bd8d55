"""Every row of our tables as values: to hold what is against what was, and two ways of making the same cohort."""

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.db import connection, models
from pghistory.models import Event

OURS = ("people", "outbox", "mentoring", "trial")
BY_CHANCE = {"password", "last_login"}


def _models() -> list[type[models.Model]]:
    return [model for label in OURS for model in apps.get_app_config(label).get_models()]


def everything(*, without: Collection[str] = ()) -> dict[str, list[str]]:
    """Return each table's rows exactly as they stand, history too, but for the tables of the models named."""
    found = {}
    with connection.cursor() as cursor:
        for model in _models():
            if model.__name__.removesuffix("Event") in without:
                continue
            cursor.execute(f'SELECT t::text FROM "{model._meta.db_table}" t ORDER BY 1')
            found[model.__name__] = [row[0] for row in cursor.fetchall()]
    return found


def fingerprints() -> dict[str, tuple[int, int | None]]:
    """Return each table's number of rows and a sum over all that stands in them, history too: for tens of thousands."""
    with connection.cursor() as cursor:
        found = {}
        for model in _models():
            cursor.execute(f'SELECT count(*), sum(hashtextextended(t::text, 0)) FROM "{model._meta.db_table}" t')
            found[model.__name__] = cursor.fetchone()
    return found


def shapes() -> dict[str, list[str]]:
    """Return each table's rows with keys as places in their table, without what chance alone gives; no history."""
    ours = [model for model in _models() if not issubclass(model, Event)]
    places = {
        model: {
            key: place for place, key in enumerate(model._default_manager.order_by("pk").values_list("pk", flat=True))
        }
        for model in ours
    }

    def plain(field: "models.Field[Any, Any]", value: Any) -> Any:
        if isinstance(field, models.UUIDField) or field.name in BY_CHANCE:
            return value is None
        target = field.related_model if isinstance(field, models.ForeignKey) else None
        if field.primary_key:
            # The order in which messages are written says nothing.
            return None if field.model.__name__ == "Message" else places[field.model].get(value)
        return places[target].get(value) if target in places else value

    return {
        model.__name__: sorted(
            repr({field.name: plain(field, getattr(row, field.attname)) for field in model._meta.concrete_fields})
            for row in model._default_manager.all()
        )
        for model in ours
    }
