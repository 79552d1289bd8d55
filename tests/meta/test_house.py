"""What the house promises of every model, URL, job and document, so that nothing new can forget it."""

import importlib.util
import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from celery import current_app
from django.apps import apps
from django.db import connection, models
from django.db.utils import ProgrammingError
from django.urls import URLPattern, URLResolver, get_resolver
from pghistory.models import Event

from config.beat import JOBS
from people.database import MAY_DELETE, check_roles, is_append_only

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ("people", "outbox", "mentoring", "trial")


def our_models():
    return [
        model for label in OURS for model in apps.get_app_config(label).get_models() if not issubclass(model, Event)
    ]


def urls(resolver=None, before=""):
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from urls(entry, before + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield before + str(entry.pattern), entry


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.label)
def test_every_model_says_whether_its_rows_may_change(model):
    assert "append_only" in vars(model)


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.label)
def test_who_decided_stands_beside_when(model):
    """``ended_at`` has its ``ended_by``: a person's decision is never anonymous."""
    by_a_machine = {
        "at", "created_at", "due_at", "expires_at", "happened_at", "last_at", "read_at", "sent_at", "starts_at",
        "status_at", "joined_at", "started_at", "finished_at", "withdrawn_at", "step_at", "failed_at", "received_at",
        "delivered_at", "ends_at", "asked_at",
    }  # fmt: skip
    names = {field.name for field in model._meta.fields}
    for name in names:
        if name.endswith("_at") and name not in by_a_machine:
            assert name.removesuffix("_at") + "_by" in names, f"{model._meta.label}.{name} has no _by"


def test_no_row_of_the_programme_points_at_the_trial():
    for label in ("people", "outbox", "mentoring"):
        for model in apps.get_app_config(label).get_models():
            for field in model._meta.get_fields():
                related = getattr(field, "related_model", None)
                if isinstance(field, models.ForeignKey) and related is not None:
                    assert related._meta.app_label != "trial"


@pytest.mark.django_db
def test_the_three_roles_are_as_the_first_migration_demands_and_the_application_is_not_the_owner():
    check_roles()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("alongside_app", False)


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE", "TRUNCATE"])
def test_the_application_has_no_right_to_change_history_or_what_is_append_only(verb):
    tables = [model._meta.db_table for model in apps.get_models() if is_append_only(model)]
    assert "people_accesslog" in tables
    assert any(table.endswith("event") for table in tables)
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute("SELECT has_table_privilege(current_user, %s, %s)", [table, verb])
            assert cursor.fetchone()[0] is False, f"{verb} on {table}"


@pytest.mark.django_db
def test_the_application_may_delete_only_what_is_listed_and_truncate_nothing():
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            table = model._meta.db_table
            if table not in connection.introspection.table_names():
                continue
            cursor.execute(
                "SELECT has_table_privilege(current_user, %s, 'DELETE'),"
                " has_table_privilege(current_user, %s, 'TRUNCATE')",
                [table, table],
            )
            assert cursor.fetchone() == (table in MAY_DELETE, False), table


@pytest.mark.django_db
def test_the_database_itself_refuses_a_change_of_history():
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("UPDATE people_userevent SET name = 'x'")


def test_every_job_of_the_beat_table_is_a_task_and_every_task_is_a_job():
    current_app.loader.import_default_modules()
    ours = {name for name in current_app.tasks if name.split(".")[0] in OURS}
    assert ours == {job.task for job in JOBS}


@pytest.mark.parametrize(("pattern", "entry"), list(urls()), ids=lambda value: str(getattr(value, "name", value)))
def test_every_view_of_ours_says_who_may_see_it(pattern, entry):
    if entry.callback.__module__.split(".")[0] in (*OURS, "config"):
        declared = {name for name in ("permission", "public", "machine") if hasattr(entry.callback, name)}
        assert len(declared) == 1, f"{pattern} says in no way, or in two, who may see it"
    assert entry.name, f"{pattern} has no name"


def test_decision_records_are_numbered_once_and_name_what_was_rejected():
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [record.name[:4] for record in records]
    assert numbers == [f"{number:04d}" for number in range(1, len(records) + 1)]
    for record in records:
        text = record.read_text()
        assert "**Rejected.**" in text and "**Consequences.**" in text, record.name


def test_there_is_one_database_driver():
    assert importlib.util.find_spec("psycopg") is None
    assert version("psycopg2-binary")


def test_macros_and_style_sheets_of_the_components_move_together():
    wanted = json.loads((ROOT / "package.json").read_text())
    pinned = {**wanted.get("dependencies", {}), **wanted.get("devDependencies", {})}
    assert (pinned["nhsuk-frontend"], version("nhsuk-frontend-jinja")) == ("10.6.1", "0.10.2")


@pytest.mark.parametrize(
    "template", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_template_opens_with_what_it_expects(template):
    first = next(line for line in template.read_text().splitlines() if line.strip())
    if re.match(r"{%-? ?extends", first):
        return
    assert re.match(r"{#|{% ?(load|comment)", first), first


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-demo.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_with_a_hash_and_names_no_registry(lock):
    text = (ROOT / lock).read_text()
    assert text.count("psycopg2-binary==") == 1
    assert "index-url" not in text and "find-links" not in text
    blocks = [block for block in re.split(r"\n(?=\S)", text) if "==" in block]
    assert blocks and all("--hash=sha256:" in block for block in blocks)
