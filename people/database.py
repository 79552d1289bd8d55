"""The three database roles: what the application's own role may do to each table. Run after every migration, as the owner."""

from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, models
from pghistory.models import Event

OWNER, APPLICATION, SEALED = "alongside_owner", "alongside_app", "alongside_sealed"

# Rows that hold no record of a mother and may go: sessions, second factors, a person's own wishes.
MAY_DELETE = frozenset(
    {
        "django_session",
        "account_emailaddress",
        "mfa_authenticator",
        "outbox_quietday",
        "people_safetime",
        "usersessions_usersession",
    }
)


def is_append_only(model: type[models.Model]) -> bool:
    """Return whether rows of ``model`` are only ever added: history, logs and decisions."""
    return issubclass(model, Event) or bool(getattr(model, "append_only", False))


def grant_application_rights(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Give the application's role exactly what each table's declaration allows; idempotent.

    Append-only tables and history get SELECT and INSERT; others UPDATE too; DELETE only where listed; TRUNCATE nowhere.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    tables = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {APPLICATION}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APPLICATION}")
        cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {APPLICATION}")
        for table in sorted(existing & set(tables)):
            rights = ["SELECT", "INSERT"]
            if not is_append_only(tables[table]):
                rights.append("UPDATE")
            if table in MAY_DELETE:
                rights.append("DELETE")
            cursor.execute(f'GRANT {", ".join(rights)} ON "{table}" TO {APPLICATION}')
        cursor.execute(f"GRANT SELECT ON django_migrations TO {APPLICATION}")


class RolesMissing(Exception):
    """The three database roles of quality.md are not there, or one holds more than it may."""


def check_roles(apps_then: Any = None, schema_editor: Any = None) -> None:
    """Return if owner, application and sealed role exist as quality.md says; raise RolesMissing otherwise."""
    connection = schema_editor.connection if schema_editor else connections[DEFAULT_DB_ALIAS]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper, rolcanlogin FROM pg_roles WHERE rolname = ANY(%s)",
            [[OWNER, APPLICATION, SEALED]],
        )
        found = {name: (superuser, login) for name, superuser, login in cursor.fetchall()}
        is_owner = False
        if {OWNER, APPLICATION} <= set(found):
            cursor.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", [APPLICATION, OWNER])
            is_owner = cursor.fetchone()[0]
    if missing := {OWNER, APPLICATION, SEALED} - set(found):
        raise RolesMissing(f"Make these database roles first: {', '.join(sorted(missing))}.")
    if found[APPLICATION][0] or is_owner:
        raise RolesMissing(f"{APPLICATION} may be neither superuser nor owner of the tables.")
    if found[SEALED][1]:
        raise RolesMissing(f"{SEALED} must not be able to log in.")
