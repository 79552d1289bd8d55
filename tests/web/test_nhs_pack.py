"""The NHS template pack: its components, its forms, and every part on one page in a real browser with axe."""

import datetime
import json
import mimetypes
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from crispy_forms.layout import Layout
from django import forms
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.template import engines
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mentoring.templatetags import pictures
from people.forms.fields import NhsDateField, NhsTimeField
from people.forms.layout import Button, Buttons, Details, Field, Fieldset, form_helper
from people.templatetags import nhs
from people.templatetags.nhs import UnknownParameter, UnsafeMarkup, component

ROOT = Path(__file__).parents[2]
NPM = ROOT / "node_modules"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
SIZES = [(320, 640), (390, 844), (1280, 900)]


@pytest.fixture(autouse=True)
def _plain_static_names(settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


class Everything(forms.Form):
    name = forms.CharField(label="Name to use", help_text="As she wants to be called")
    born_on = NhsDateField(label="Date of birth", birthday=True)
    at = NhsTimeField(label="Time")
    mode = forms.ChoiceField(
        label="How did you meet?", choices=[("visit", "Home visit"), ("phone", "Phone")], widget=forms.RadioSelect
    )
    present = forms.MultipleChoiceField(
        label="Who was there?", choices=[("p", "Partner"), ("m", "Her mother")], widget=forms.CheckboxSelectMultiple
    )
    language = forms.ChoiceField(label="Language", choices=[("", "Choose"), ("en", "English"), ("pl", "Polish")])
    email = forms.EmailField(label="E-mail")
    phone = forms.CharField(label="Phone", widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}))
    password = forms.CharField(label="Password", widget=forms.PasswordInput)
    file = forms.FileField(label="File")
    agreed = forms.BooleanField(label="She agreed")
    note = forms.CharField(label="Note", widget=forms.Textarea, required=False)
    token = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, page_heading: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = form_helper(
            Field("name", width=20, page_heading=page_heading),
            Fieldset("When", "born_on", Field("at", width=5), hint="Local time"),
            Field("mode", item_hints={"visit": "At her door"}, inline=False),
            "present",
            "language",
            "email",
            "phone",
            "password",
            "file",
            "agreed",
            Details("Add more", Field("note", rows=3)),
            "token",
            Buttons(Button("Save"), Button("Cancel", variant="secondary", href="/")),
        )

    def clean(self) -> dict[str, Any]:
        if self.data.get("name") == "refuse":
            raise ValidationError("The pairing has ended")
        return self.cleaned_data


class Filter(forms.Form):
    locality = forms.ChoiceField(label="Locality", choices=[("", "All"), ("n", "North")], required=False)
    helper = form_helper(Field("locality", mark_optional=False), submit="Show", method="get")


class OneDate(forms.Form):
    on = NhsDateField(label="When")
    helper = form_helper("on")


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def windows(count: int = 41) -> list[dict[str, Any]]:
    statuses = ["not_offered", "made", "made", "missed", "made", "cancelled", "made", "made", "overdue", "due"]
    first = day("2026-03-02")
    return [
        {
            "number": number,
            "due_on": first + datetime.timedelta(days=14 * number),
            "opens_on": first + datetime.timedelta(days=14 * number - 7),
            "closes_on": first + datetime.timedelta(days=14 * number + 7),
            "status": statuses[number] if number < len(statuses) else "upcoming",
        }
        for number in range(count)
    ]


def sink(form: forms.Form, **more: Any) -> dict[str, Any]:
    return {
        "form": form,
        "demo": True,
        "signed_in_as": {"get_full_name": "Bea Sample", "email": "bea@example.org"},
        "nav": [
            {"href": "/", "text": "Today", "current": True},
            *({"href": f"/{n}/", "text": text} for n, text in enumerate(["My month", "Worklist", "Mothers", "People"])),
        ],
        "back_href": "/",
        "messages": [Message(25, "Fortnight of 9 November: done. Next due 23 November.")],
        "identity": {
            "name": "Ann",
            "tag": "Active",
            "tag_colour": "green",
            "facts": [{"label": "Code", "text": "KR-7"}, {"label": "Baby due", "text": "14 September 2026"}],
        },
        "sheet": {
            "name_to_use": "Annie",
            "lines": [{"label": "Call", "text": "weekdays, 10am to 2pm"}, {"label": "Voicemail", "text": "never"}],
            "if_answered": "Say you rang about the library book",
            "call_href": "tel:+442890000000",
        },
        "numbers": [{"label": "Mothers", "value": 15}, {"label": "Made", "value": "11 of 14", "hint": "agreed plan"}],
        "windows": windows(),
        "pauses": [{"from_on": day("2026-08-01"), "until_on": day("2026-08-20")}],
        "cards": [
            {
                "name": "Annie",
                "href": "/a/",
                "kind": "overdue",
                "tag": "Overdue",
                "tag_colour": "red",
                "due": "Due 9 November 2026, 3 days ago",
                "why": "Every 2 weeks, last spoke 26 October",
                "safe": "Call weekdays 10am to 2pm. Never leave a voicemail.",
                "call_href": "tel:+442890000000",
                "log_href": "/log/",
            },
            {
                "name": "Bronagh-Marie Featherstonehaugh-Wolverhampton",
                "href": "/b/",
                "kind": "due",
                "due": "Due today",
                "safe": "Not safe now",
                "safe_stop": True,
                "next_safe": "tomorrow, 10am",
                "log_href": "/log/",
            },
        ],
        "previous_href": "?before=1",
        "next_href": "?after=1",
        "empty_title": "Nobody is due today",
        "empty_text": "Enjoy the quiet. The next contact is on Thursday.",
        "entries": [
            {
                "what": "Reached by phone",
                "at": "9 November 2026, 2:30pm",
                "iso": "2026-11-09T14:30",
                "by": "Bea",
                "lines": ["20 minutes"],
                "href": "/x/",
                "href_text": "Correct",
            },
            {"what": "No answer", "at": "8 November 2026", "iso": "2026-11-08", "void": "entered twice"},
        ],
        "difference": {
            "next_due": "7 December 2026",
            "changes": [
                {"kind": kind, "text": "23 November"} for kind in ("added", "removed", "moved", "kept", "message")
            ],
        },
        "choices": [
            {"name": "outcome", "value": "reached", "text": "Yes, we spoke"},
            {
                "name": "outcome",
                "value": "no_answer",
                "text": "No answer",
                "variant": "secondary",
                "hint": "one more tap",
            },
        ],
        "statuses": list(pictures.STATUS_WORDS),
        "filter_form": Filter(),
        "chosen": [{"text": "North", "href": "?"}],
        "clear_href": "?",
        "callout": {"heading": {"text": "Nobody is watching"}, "text": "Ring 999 in an emergency."},
        "summary": {"rows": [{"key": {"text": "Role"}, "value": {"text": "Midwife"}}]},
        "table": {
            "caption": {"text": "Contacts"},
            "head": [{"text": "Month"}, {"text": "Made"}],
            "rows": [[{"text": "March"}, {"text": "4"}]],
            "responsive": True,
        },
        **more,
    }


def draw(source: str, **context: Any) -> str:
    return engines["django"].from_string(source).render(context)


def page(form: forms.Form, **more: Any) -> str:
    return draw((ROOT / "tests/web/templates/kitchen_sink.html").read_text(encoding="utf-8"), **sink(form, **more))


class Ids(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "href" and (value or "").startswith("#"):
                self.links.append((value or "")[1:])
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
        if tag == "style" or (
            tag == "script" and "src" not in dict(attrs) and "json" not in (dict(attrs).get("type") or "")
        ):
            self.inline.append(tag)


def test_a_component_refuses_a_parameter_it_would_ignore() -> None:
    with pytest.raises(UnknownParameter, match="button: colour"):
        component("button", text="Save", colour="green")


def test_a_component_refuses_an_unknown_parameter_at_any_depth() -> None:
    with pytest.raises(UnknownParameter, match="rows.key.txt"):
        component("summary-list", rows=[{"key": {"txt": "Role"}}])
    with pytest.raises(UnknownParameter, match="label.sise"):
        component("input", id="a", name="a", label={"text": "A", "sise": "s"})


def test_a_component_takes_every_parameter_that_the_npm_package_lists() -> None:
    for folder in (NPM / "nhsuk-frontend/dist/nhsuk/components").iterdir():
        listing = folder / "macro-options.json"
        if listing.exists():
            names = {o["name"] for o in json.loads(listing.read_text(encoding="utf-8")) if not o.get("deprecated")}
            assert names <= set(nhs._options(folder.name) or {})


def test_markup_passes_only_where_something_has_marked_it_safe() -> None:
    with pytest.raises(UnsafeMarkup):
        component("inset-text", html="<b>x</b>")
    with pytest.raises(UnsafeMarkup):
        component("details", summary={"html": "<b>x</b>"}, text="x")
    with pytest.raises(UnsafeMarkup):
        component("button", text="x", attributes='onclick="x"')
    assert "<b>&lt;i&gt;</b>" in component("inset-text", html=format_html("<b>{}</b>", "<i>"))


def test_text_is_escaped_even_when_it_is_marked_safe() -> None:
    assert "<b>" not in component("button", text=SafeString("<b>Save</b>"))
    assert "<b>" not in component("inset-text", text="<b>x</b>", attributes={"data-x": SafeString('"><b>')})


def test_both_halves_of_the_component_library_are_the_same_release() -> None:
    import importlib.metadata

    npm = json.loads((NPM / "nhsuk-frontend/package.json").read_text(encoding="utf-8"))["version"]
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]["nhsuk-frontend"]
    description = importlib.metadata.metadata("nhsuk-frontend-jinja").get_payload()
    pairs = re.findall(r"^\| ([\d.]+) \| ([\d.]+) \|$", str(description), re.M)
    assert npm == wanted
    assert (npm, importlib.metadata.version("nhsuk-frontend-jinja")) in pairs


def test_the_lock_of_the_front_end_names_no_registry() -> None:
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text(encoding="utf-8")


def test_every_link_of_the_error_summary_reaches_a_control() -> None:
    found = Ids(page(Everything({"name": ""})))
    assert {"id_name", "id_born_on_0", "id_at", "id_mode", "id_present", "id_language", "id_file", "id_agreed"} <= set(
        found.links
    )
    assert set(found.links) <= set(found.ids)


def test_no_id_stands_twice_on_a_page_of_every_part() -> None:
    ids = Ids(page(Everything({"name": ""}))).ids
    assert sorted(ids) == sorted(set(ids))


def test_nothing_on_a_page_is_inline() -> None:
    assert Ids(page(Everything())).inline == []


def test_a_page_with_errors_says_so_in_its_title_and_one_without_does_not() -> None:
    assert "<title>Error: Every part – Alongside</title>" in page(Everything({"name": ""}))
    assert "<title>Every part – Alongside</title>" in page(Everything())


def test_a_refusal_of_the_whole_form_stands_in_the_summary() -> None:
    html = draw("{% load nhs %}{% nhs_error_summary form %}", form=Everything({"name": "refuse"}))
    assert "The pairing has ended" in html


def test_the_summary_names_errors_in_the_order_in_which_the_page_shows_their_fields() -> None:
    class Upside(forms.Form):
        below = forms.CharField()
        above = forms.CharField()
        helper = form_helper(Fieldset("First", "above"), "below")

    html = draw("{% load nhs %}{% nhs_error_summary form %}", form=Upside({}))
    assert html.index("Fill this in: Above") < html.index("Fill this in: Below")


def test_an_empty_field_is_named_in_plain_words() -> None:
    html = draw("{% load nhs %}{% nhs_error_summary form %}", form=Everything({}))
    assert "Fill this in: Name to use" in html
    assert "Choose an answer: How did you meet?" in html
    assert "This field is required" not in html


def test_a_form_with_errors_keeps_what_was_typed() -> None:
    typed = {"name": "<Ann>", "born_on_0": "31", "born_on_1": "Feb", "born_on_2": "2000", "mode": "phone"}
    html = draw(
        "{% load crispy_forms_tags %}{% crispy form %}",
        form=Everything(typed | {"present": ["m"], "note": "one\ntwo", "agreed": "on", "language": "pl"}),
    )
    assert 'value="&lt;Ann&gt;"' in html
    assert 'name="born_on_1" type="text" value="Feb"' in html
    assert re.search(r'value="phone"\s+checked', html)
    assert re.search(r'type="checkbox" value="m" checked', html)
    assert '<option value="pl" selected>' in html
    assert ">one\ntwo</textarea>" in html
    assert "<details" in html and "open>" in html


def test_a_password_is_never_sent_back() -> None:
    html = draw("{% load crispy_forms_tags %}{% crispy form %}", form=Everything({"password": "secret-word"}))
    assert "secret-word" not in html


def test_a_label_can_be_the_heading_of_the_page() -> None:
    html = draw("{% load crispy_forms_tags %}{% crispy form %}", form=Everything(page_heading=True))
    assert re.search(
        r'<h1 class="nhsuk-label-wrapper">\s*<label class="nhsuk-label nhsuk-label--l" for="id_name">', html
    )


def test_a_form_without_a_layout_shows_all_its_fields() -> None:
    class Plain(forms.Form):
        first = forms.CharField()
        second = forms.CharField(required=False)

    html = draw("{% load crispy_forms_tags %}{% crispy form %}", form=Plain())
    assert 'name="first"' in html and 'name="second"' in html and "Second (optional)" in html


def test_what_may_be_left_out_says_so_also_after_fields_that_are_folded_away() -> None:
    class Folded(forms.Form):
        inside = forms.CharField(required=False)
        after = forms.CharField(required=False)
        helper = form_helper(Details("Add more", "inside"), "after")

    html = draw("{% load crispy_forms_tags %}{% crispy form %}", form=Folded())
    assert "After (optional)" in html and "Inside (optional)" not in html


def test_a_form_carries_its_owner_so_that_it_can_be_kept_after_a_sign_out() -> None:
    html = draw("{% load crispy_forms_tags %}{% crispy form %}", form=OneDate(), form_owner="signed")
    assert '<input type="hidden" name="form_owner" value="signed">' in html


@pytest.mark.parametrize(
    ("typed", "error", "wrong"),
    [
        (("", "", ""), "Enter a date", {0, 1, 2}),
        (("9", "", ""), "The date must include a month and a year", {1, 2}),
        (("", "11", "2026"), "The date must include a day", {0}),
        (("9", "11", "26"), "The year must have 4 numbers, for example 2026", {2}),
        (("32", "11", "2026"), "Enter a real date, for example 9 11 2026", {0}),
        (("9", "13", "2026"), "Enter a real date, for example 9 11 2026", {1}),
        (("9", "Brumaire", "2026"), "Enter a real date, for example 9 11 2026", {1}),
        (("29", "2", "2026"), "Enter a real date, for example 9 11 2026", {0, 1, 2}),
        (("9", "11", "0000"), "Enter a real date, for example 9 11 2026", {0, 1, 2}),
        (("²", "11", "2026"), "Enter a real date, for example 9 11 2026", {0}),
    ],
)
def test_a_date_that_is_not_one_says_what_is_wrong_and_marks_the_boxes(
    typed: tuple[str, str, str], error: str, wrong: set[int]
) -> None:
    form = OneDate(dict(zip(("on_0", "on_1", "on_2"), typed, strict=True)))
    assert form.errors["on"] == [error]
    assert nhs.wrong_parts(form["on"]) == wrong
    html = draw("{% load crispy_forms_tags %}{% crispy form %}", form=form)
    marked = {int(n) for n in re.findall(r'<input class="nhsuk-input nhsuk-input--error[^>]*id="id_on_(\d)"', html)}
    assert marked == wrong


@pytest.mark.parametrize("month", ["2", "02", "feb", "February", "FEB."])
def test_a_month_may_be_a_number_or_its_name(month: str) -> None:
    form = OneDate({"on_0": " 29 ", "on_1": month, "on_2": "2028"})
    assert form.is_valid()
    assert form.cleaned_data["on"] == day("2028-02-29")


def test_a_date_that_may_be_left_out_may_be_left_out_whole_but_not_in_part() -> None:
    class Optional(forms.Form):
        on = NhsDateField(required=False)

    assert Optional({}).is_valid()
    assert not Optional({"on_0": "9"}).is_valid()


def test_a_date_shows_the_day_it_starts_with() -> None:
    html = draw("{% load crispy_forms_tags %}{% crispy form %}", form=OneDate(initial={"on": day("2026-11-09")}))
    assert [re.search(rf'id="id_on_{n}"[^>]* value="(\d+)"', html).group(1) for n in range(3)] == ["9", "11", "2026"]  # type: ignore[union-attr]  # no match is a failure too


@pytest.mark.parametrize("typed", ["14:30", "14.30", "1430", "2:30pm", "2.30 PM"])
def test_a_time_is_read_as_people_type_it(typed: str) -> None:
    assert NhsTimeField().clean(typed) == datetime.time(14, 30)


def test_a_layout_refuses_an_option_it_does_not_know() -> None:
    with pytest.raises(TypeError, match="widht"):
        Layout(Field("name", widht=3))


def test_the_strip_says_in_words_all_that_it_draws() -> None:
    html = draw("{% load pictures %}{% windows_strip windows %}", windows=windows())
    assert "41 planned contacts. Made: 5, Missed: 1, Due now: 1, Overdue: 1, Coming up: 31" in html
    assert html.count("<tr class") == 41
    assert "5 of 6 windows made" in html


def test_no_two_statuses_are_drawn_with_the_same_shape() -> None:
    shapes = [re.sub(r"#[0-9a-f]{6}", "", pictures.status_mark(code)) for code in pictures.STATUS_WORDS]
    assert len(set(shapes)) == len(shapes)


@pytest.mark.parametrize("name", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html"])
def test_an_error_page_needs_nothing_from_the_request(name: str) -> None:
    html = render_to_string(name)
    assert html.count("<h1") == 1
    assert Ids(html).inline == []


def test_the_first_load_is_under_60_kilobytes() -> None:
    import gzip

    files = [(ROOT / "static/build" / name).read_bytes() for name in ("app.css", "app.js")]
    assert sum(len(gzip.compress(body)) for body in [*files, page(Everything()).encode()]) < 60_000


# --- In a real browser: the page is answered from memory, so that no server and no network is needed ---


CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)


def opened(browser: Any, html: str, size: tuple[int, int], *, javascript: bool = True, bypass: bool = False) -> Any:
    """Return a page that shows ``html`` under the real content security policy."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, java_script_enabled=javascript, bypass_csp=bypass
    )
    tab = context.new_page()
    tab.complaints = []
    tab.on("console", lambda message: tab.complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))

    def answer(route: Any) -> None:
        path = route.request.url.split("alongside.test", 1)[1].split("?")[0]
        if path.startswith("/static/"):
            file = ROOT / "static" / path.removeprefix("/static/")
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            route.fulfill(body=file.read_bytes(), content_type=kind)
        else:
            route.fulfill(body=html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": CSP})

    context.route("**/*", answer)
    tab.goto("http://alongside.test/", wait_until="load")
    return tab


def violations(tab: Any) -> list[str]:
    tab.add_script_tag(content=(NPM / "axe-core/axe.min.js").read_text(encoding="utf-8"))
    found = tab.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {node['html'][:120]}" for v in found["violations"] for node in v["nodes"]]


PAGES = {
    "every part": lambda: page(Everything()),
    "every part with errors": lambda: page(Everything({"name": "", "born_on_0": "9"})),
    "not found": lambda: render_to_string("404.html"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(browser: Any, name: str, size: tuple[int, int]) -> None:
    tab = opened(browser, PAGES[name](), size, bypass=True)
    for details in tab.query_selector_all("details:not([open])"):
        details.evaluate("d => d.open = true")
    assert violations(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    tab.context.close()


@pytest.mark.parametrize("javascript", [True, False])
def test_nothing_scrolls_sideways_on_a_narrow_phone_with_and_without_javascript(browser: Any, javascript: bool) -> None:
    tab = opened(browser, page(Everything()), (320, 640), javascript=javascript)
    box = tab.locator("html").bounding_box()
    assert all(item["x"] + item["width"] <= 321 for item in boxes(tab, "a, button, input, h1, h2, table"))
    assert box["width"] <= 320
    tab.context.close()


def boxes(tab: Any, selector: str) -> list[dict[str, float]]:
    return [box for element in tab.locator(selector).all() if element.is_visible() and (box := element.bounding_box())]


def test_the_content_security_policy_stops_nothing(browser: Any) -> None:
    tab = opened(browser, page(Everything({"name": ""})), (390, 844))
    assert tab.complaints == []
    assert "nhsuk-frontend-supported" in (tab.locator("body").get_attribute("class") or "")
    tab.context.close()


def test_targets_are_at_least_44_pixels_high(browser: Any) -> None:
    tab = opened(browser, page(Everything()), (390, 844))
    too_small = tab.evaluate(
        """() => [...document.querySelectorAll(
            'button, summary, select, .nhsuk-input, nav a, footer a, .nhsuk-button, .app-card__top a, .app-filter__chosen a, ' +
            '.app-timeline a, .nhsuk-radios__item, .nhsuk-checkboxes__item')]
        .map(e => [e, e.getBoundingClientRect()])
        .filter(([e, r]) => r.height > 0 && r.height < 44 && e.checkVisibility())
        .map(([e, r]) => e.outerHTML.slice(0, 90) + ' ' + r.height)"""
    )
    assert too_small == []
    tab.context.close()


def test_a_link_of_the_error_summary_moves_the_keyboard_to_its_control(browser: Any) -> None:
    tab = opened(browser, page(Everything({"name": "Ann", "born_on_0": "9"})), (390, 844))
    assert tab.evaluate("document.activeElement.className") == "nhsuk-error-summary"
    for control in ("id_born_on_1", "id_mode", "id_present", "id_file"):
        tab.click(f'.nhsuk-error-summary a[href="#{control}"]')
        assert tab.evaluate("document.activeElement.id") == control
    tab.context.close()


def test_a_double_click_sends_a_form_once(browser: Any) -> None:
    tab = opened(browser, page(Everything()), (390, 844))
    tab.evaluate("() => { window.sent = 0; document.addEventListener('submit', e => { e.preventDefault(); sent++ }) }")
    tab.locator("button", has_text="Yes, we spoke").dblclick()
    assert tab.evaluate("sent") == 1
    tab.context.close()
