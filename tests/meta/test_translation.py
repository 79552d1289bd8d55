"""Every word that people read is marked for translation: in templates and in Python. English is what is shipped."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
# Read by whoever runs the programme or analyses its data, never on a page: commands, names of columns, invented people.
ELSEWHERE = {"management", "migrations", "exports", "rules"}
NOT_PAGES = {"apps.py", "database.py", "sample.py"}
# A value, not a word: what the column holds is typed by people.
VALUES = {"English", "Alongside", "Html", "Refresh", "submit", "pass alerts on"}


def templates() -> list[Path]:
    return sorted((ROOT / "templates").rglob("*.html"))


def modules() -> list[Path]:
    """Return the modules whose words reach a page, a form or a message."""
    return [
        path
        for app in ("people", "outbox", "mentoring", "trial")
        for path in sorted((ROOT / app).rglob("*.py"))
        if not ELSEWHERE & set(path.parts) and path.name not in NOT_PAGES
    ]


class Words(HTMLParser):
    """Collects text and the attributes that are read out, of a template whose tags are taken out."""

    READ_OUT = {"alt", "aria-label", "aria-description", "placeholder", "title"}

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tag = ""

    def handle_data(self, data: str) -> None:
        if self.tag not in self.CDATA_CONTENT_ELEMENTS:
            self.found.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tag = tag
        read_out = self.READ_OUT | ({"value"} if tag == "input" and ("type", "submit") in attrs else set())
        self.found += [value or "" for name, value in attrs if name in read_out]

    def handle_endtag(self, tag: str) -> None:
        self.tag = ""


def unmarked_in_template(text: str) -> list[str]:
    """Return the words of a template that no translation tag holds, and those given to a tag as they are."""
    text = re.sub(r"{#.*?#}|{% comment.*?{% endcomment %}", "", text, flags=re.S)
    text = re.sub(r"{% blocktrans(late)?\b.*?{% endblocktrans(late)? %}", "", text, flags=re.S)
    given = [
        words
        for tag in re.findall(r"{%(.*?)%}", text, flags=re.S)
        if not re.match(r"\s*(translate|url|if|elif|load|extends|include|with|static|for)\b", tag)
        for words in re.findall(r'\b\w*(?:[Tt]ext|[Hh]int|[Ll]abel|[Hh]eading|[Tt]itle)\w*="([^"]*)"', tag)
    ]
    given += re.findall(r'\|default:"([^"]*)"', text)
    parser = Words()
    text = re.sub(r"(</?){[{%].*?[%}]}", r"\1div", text)
    parser.feed(re.sub(r"{%.*?%}|{{.*?}}", " ", text, flags=re.S))
    said = [word.strip(" –\n") for word in [*given, *parser.found]]
    return [word for word in said if re.search(r"[A-Za-z]{2,}", word) and word not in VALUES]


@pytest.mark.parametrize("template", templates(), ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_every_word_of_a_template_is_marked(template: Path) -> None:
    assert unmarked_in_template(template.read_text()) == []


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _no_words(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what holds no words for people: docstrings, marked words, logs, types, names of rows, asserts, __all__."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            yield node.body[0]
        if isinstance(node, ast.Call) and (
            _called(node) in MARKS | {"TypeError", "ValueError"}
            or ast.unparse(node.func).startswith(("logger.", "pghistory."))
        ):
            yield node
        if isinstance(node, ast.FunctionDef) and node.name == "__str__":
            yield node
        if isinstance(node, ast.Assert | ast.AnnAssign | ast.arg):
            yield from (part for part in (getattr(node, "msg", None), getattr(node, "annotation", None)) if part)
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            yield node.returns
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            yield node
        if isinstance(node, ast.Subscript):
            yield node.slice


def unmarked_in_python(source: str) -> list[str]:
    """Return the strings that read like words for people (two words, or one with a capital) and are not marked."""
    tree = ast.parse(source)
    passed = {id(inner) for node in _no_words(tree) for inner in ast.walk(node)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in passed
        and node.value not in VALUES
        and (re.search(r"[A-Za-z]{2,} [a-z]", node.value) or re.fullmatch(r"[A-Z][a-z]+(-[a-z]+)?[.?!]?", node.value))
        and not re.search(r"SELECT |UPDATE |INSERT |VALUES |WHERE |<\w+ ", node.value)
    ]


def unmarked_labels(source: str) -> list[str]:
    """Return labels, hints and the second half of a choice that are plain strings, however short."""
    found: list[ast.expr] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            found += [
                keyword.value
                for keyword in node.keywords
                if keyword.arg in {"label", "help_text", "legend", "hint", "submit", "title"}
            ]
            if _called(node) in {"Refused", "AccountRefused"}:
                found += node.args[-1:]
            if ast.unparse(node.func).startswith("messages.") and _called(node) in {
                "success",
                "error",
                "warning",
                "info",
            }:
                found += node.args[1:]
        if isinstance(node, ast.ClassDef) and any("TextChoices" in ast.unparse(base) for base in node.bases):
            found += [
                item.value.elts[1]
                for item in node.body
                if isinstance(item, ast.Assign) and isinstance(item.value, ast.Tuple)
            ]
    return [
        node.value
        for node in found
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search("[A-Za-z]{2,}", node.value)
    ]


@pytest.mark.parametrize("module", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_word_of_python_that_reaches_a_page_is_marked(module: Path) -> None:
    source = module.read_text()
    assert unmarked_in_python(source) == []
    assert unmarked_labels(source) == []


@pytest.mark.parametrize("module", sorted(ROOT.glob("*/rules/*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_rules_refuse_by_code_and_leave_the_words_to_those_who_can_translate(module: Path) -> None:
    assert unmarked_labels(module.read_text()) == []


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Hello {{ name }}</p>", ["Hello"]),
        ('<nav aria-label="Pages">', ["Pages"]),
        ('<input type="submit" value="Send">', ["Send"]),
        ('{% nhs "button" text="Save" %}', ["Save"]),
        ('{{ row.name|default:"nobody" }}', ["nobody"]),
        ('<p title="{% translate "Save" %}">{% translate "Hello" %}</p>{# Words for us #}', []),
        ("{% blocktranslate count n=n %}One{% plural %}Many{% endblocktranslate %}", []),
    ],
)
def test_the_search_finds_words_of_a_template(template: str, found: list[str]) -> None:
    assert unmarked_in_template(template) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('x = "Two words"', ["Two words"]),
        ('x = "Today"', ["Today"]),
        ('x = _("Two words")', []),
        ('x = ngettext("One word", "Two words", n)', []),
        ('x = {"a_code": _("Words") % {"a": "phone"}}', []),
        ('"""A docstring."""', []),
    ],
)
def test_the_search_finds_words_of_python(source: str, found: list[str]) -> None:
    assert unmarked_in_python(source) == found


@pytest.mark.parametrize(
    "source",
    [
        'raise Refused("code", "No")',
        'forms.CharField(label="name")',
        'messages.success(request, "saved")',
        'class Kind(models.TextChoices):\n    ONE = "one", "one"',
    ],
)
def test_the_search_finds_labels_that_are_plain(source: str) -> None:
    assert len(unmarked_labels(source)) == 1
