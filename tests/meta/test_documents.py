"""Documents made from the code are fresh and say something of everything; a stale one is found and nothing is changed."""

import pytest
from django.core.management import CommandError, call_command

from config.management import documents
from config.management.documents import DOCUMENTS, meaning_of
from tests.meta.test_house import our_models, urls


def test_the_documents_made_from_the_code_are_fresh():
    call_command("docs_generate", check=True)


@pytest.fixture
def folder(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    call_command("docs_generate")
    return tmp_path / "docs" / "generated"


def test_a_document_is_made_the_same_twice_and_with_check_a_stale_one_is_named_and_left(folder):
    before = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(before) == set(DOCUMENTS)
    call_command("docs_generate", check=True)
    (folder / "urls.md").write_text("stale")
    (folder / "left-over.md").write_text("of a document that is made no more")
    with pytest.raises(CommandError, match=r"left-over\.md, urls\.md"):
        call_command("docs_generate", check=True)
    assert (folder / "urls.md").read_text() == "stale"
    call_command("docs_generate")
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.label)
def test_the_data_dictionary_says_what_each_column_means(model):
    for field in model._meta.concrete_fields:
        assert meaning_of(field), f"{model._meta.label}.{field.name} wants a help_text"


def test_every_url_stands_in_the_list_with_the_rights_that_open_it():
    rows = [line.split(" | ") for line in documents.urls().splitlines() if line.startswith("| `")]
    assert sorted(row[1] for row in rows) == sorted(f"`{entry.name}`" for _pattern, entry in urls())
    assert ["| `/caseload/`", "`caseload`", "`caseload_read`", "Midwife |"] in rows
