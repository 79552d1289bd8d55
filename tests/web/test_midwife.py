"""A midwife's, a programme lead's and an administrator's screens: what each shows, saves, refuses, and to whom."""

from datetime import date, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mentoring.models import Cover, LayWorker, Midwife, Mother, Pairing, ProtocolVersion
from mentoring.services import pairings, plans
from people.models import AccessLog, PhoneNumber, SafeContact
from people.rules.local_time import local_date
from people.rules.roles import Role
from tests.factories import NOW, make_contact, make_lay_worker, make_locality, make_midwife, make_mother, make_user

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)


@pytest.fixture(autouse=True)
def _clock_and_frame(settings: Any) -> Any:
    settings.SECOND_FACTOR_REQUIRED = False
    settings.WHITENOISE_AUTOREFRESH = True
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def midwife() -> Midwife:
    return make_midwife(name="Mo Midwife")


@pytest.fixture
def lay_worker(midwife: Midwife) -> LayWorker:
    return make_lay_worker(supervisor=midwife, name="Lee Layworker")


@pytest.fixture
def client(midwife: Midwife) -> Client:
    return signed_in(midwife.user)


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def hers(midwife: Midwife, **fields: Any) -> Mother:
    """Return a mother whom this midwife registered; nobody is paired with her yet unless said."""
    return make_mother(by=midwife.user, **fields)


def boxes(name: str, on: date) -> dict[str, str]:
    return {f"{name}_0": str(on.day), f"{name}_1": str(on.month), f"{name}_2": str(on.year)}


def words(response: Any) -> str:
    return " ".join(response.content.decode().split())


# Caseload


def test_caseload_shows_name_code_lay_worker_last_contact_and_what_is_due(
    client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    mother = hers(midwife, paired_with=lay_worker, starts_on=TODAY - timedelta(days=16), name_to_use="Ada")
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(days=16), now=NOW)
    page = words(client.get("/caseload/"))
    assert "Ada" in page and mother.programme_code in page
    assert "7 October" in page and "21 October" in page
    assert "Overdue" in page


def test_a_mother_of_another_midwife_is_not_in_the_caseload_nor_in_its_search(client: Client) -> None:
    other = make_midwife()
    hidden = make_mother(by=other.user, name_to_use="Hidden")
    for url in ("/caseload/", "/caseload/?search=Hidden", "/awaiting/"):
        page = words(client.get(url))
        assert hidden.programme_code not in page
        assert f"/mothers/{hidden.programme_code}/" not in page


def test_caseload_finds_by_name_by_family_name_and_by_code(client: Client, midwife: Midwife) -> None:
    wanted = hers(midwife, name_to_use="Wanted", family_name="Rareword")
    other = hers(midwife, name_to_use="Someone")
    for typed in ("wanted", "rareword", wanted.programme_code.lower()):
        page = words(client.get("/caseload/", {"search": typed}))
        assert wanted.programme_code in page
        assert other.programme_code not in page


def test_caseload_filters_show_each_what_they_say(client: Client, midwife: Midwife, lay_worker: LayWorker) -> None:
    overdue = hers(midwife, paired_with=lay_worker, starts_on=TODAY - timedelta(days=16))
    waiting = hers(midwife)
    paused = hers(midwife, paired_with=lay_worker, starts_on=TODAY)
    plans.change(
        mother=paused,
        request=plans.PauseFor(from_on=TODAY + timedelta(days=1)),
        asked_by="she_to_midwife",
        by=midwife.user,
        now=NOW,
    )
    with time_machine.travel(NOW + timedelta(days=2), tick=False):
        client = signed_in(midwife.user)
        for only, found in (("overdue", overdue), ("awaiting", waiting), ("paused", paused)):
            page = words(client.get("/caseload/", {"only": only}))
            listed = {m.programme_code for m in (overdue, waiting, paused) if m.programme_code in page}
            assert listed == {found.programme_code}, only


def test_caseload_filters_by_lay_worker_and_ignores_one_that_is_not_hers(
    client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    mine = hers(midwife, paired_with=lay_worker)
    other = hers(midwife)
    page = words(client.get("/caseload/", {"with": lay_worker.pk}))
    assert mine.programme_code in page and other.programme_code not in page
    page = words(client.get("/caseload/", {"with": "x"}))
    assert other.programme_code in page


def test_a_held_plan_shows_no_open_window_and_nothing_overdue(
    client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    mother = hers(midwife, paired_with=lay_worker, starts_on=TODAY - timedelta(days=16))
    assert "Overdue" in words(client.get("/caseload/"))
    plans.change(mother=mother, request=plans.Hold("loss"), asked_by="midwife", by=midwife.user, now=NOW)
    page = words(client.get("/caseload/"))
    assert "Bereaved" in page
    assert "Overdue" not in page and "Due now" not in page and "21 October" not in page


def test_a_mother_is_marked_overdue_once_her_due_date_has_passed_and_not_while_she_is_due(
    client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    late = hers(midwife, paired_with=lay_worker, starts_on=TODAY - timedelta(days=16))
    due = hers(midwife, paired_with=lay_worker, starts_on=TODAY - timedelta(days=14))
    rows = {row["programme_code"]: row for row in client.get("/caseload/").context["page"].rows}
    assert rows[late.programme_code]["is_overdue"] and not rows[due.programme_code]["is_overdue"]
    assert rows[late.programme_code]["next_due_on"] == TODAY - timedelta(days=2)


def test_caseload_pages_by_keyset_and_shows_everyone_once(client: Client, midwife: Midwife) -> None:
    codes = {hers(midwife, name_to_use="Same").programme_code for _place in range(53)}
    seen: list[str] = []
    url = "/caseload/"
    for _page in range(3):
        response = client.get(url)
        seen += [row["programme_code"] for row in response.context["page"].rows]
        if not response.context["next_href"]:
            break
        url = "/caseload/" + response.context["next_href"]
    assert len(seen) == 53
    assert set(seen) == codes


@pytest.mark.parametrize("url", ["/caseload/", "/awaiting/", "lay-worker"])
def test_lists_ask_the_database_as_often_for_one_mother_as_for_twenty(
    url: str, client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    if url == "lay-worker":
        url = reverse("lay-worker-detail", args=[lay_worker.pk])

    def one_more() -> None:
        mother = hers(midwife, starts_on=TODAY - timedelta(days=16))
        if not url.startswith("/awaiting"):
            pairings.pair(mother=mother, lay_worker=lay_worker, by=midwife.user, now=NOW)

    def count() -> int:
        client.get(url)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(url).status_code == 200
        return len(asked)

    one_more()
    first = count()
    ProtocolVersion.objects.create(
        antenatal_every_days=14, postnatal_every_days=14, mothers_per_lay_worker=60, made_at=NOW, reason="room"
    )
    for _place in range(19):
        one_more()
    assert count() == first
    assert first <= 12


def test_a_lay_worker_s_page_shows_her_mothers_hours_and_room(
    client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    mother = hers(midwife, paired_with=lay_worker, name_to_use="Ada")
    page = words(client.get(reverse("lay-worker-detail", args=[lay_worker.pk])))
    assert "Lee Layworker" in page and mother.programme_code in page
    assert "1 of 18" in page and "8</dd>" in page


def test_a_lay_worker_of_another_midwife_is_not_there(client: Client) -> None:
    other = make_lay_worker()
    assert client.get(reverse("lay-worker-detail", args=[other.pk])).status_code == 404
    assert client.get(reverse("cover-arrange-all", args=[other.pk])).status_code == 404


def test_awaiting_says_since_when_the_longest_first_and_leaves_out_the_held(
    client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    late = hers(midwife)
    early = hers(midwife, now=NOW - timedelta(days=5), starts_on=TODAY - timedelta(days=5))
    held = hers(midwife, name_to_use="Heldname")
    plans.change(mother=held, request=plans.Hold("loss"), asked_by="midwife", by=midwife.user, now=NOW)
    page = words(client.get("/awaiting/"))
    assert page.index(early.programme_code) < page.index(late.programme_code)
    assert "5 days" in page and "since 18 October" in page
    assert held.programme_code not in page


# Register


def registering(**changes: Any) -> dict[str, Any]:
    typed: dict[str, Any] = {
        "client_id": str(uuid4()),
        "first_name": "Grace",
        "family_name": "Invented",
        "locality": make_locality().pk,
        "language": "English",
        **boxes("date_of_birth", date(2003, 5, 4)),
        **boxes("starts_on", TODAY),
        **boxes("edd", TODAY + timedelta(days=190)),
    }
    return typed | changes


def test_a_mother_registered_with_nothing_ticked_has_nothing_safe(client: Client, midwife: Midwife) -> None:
    response = client.post("/mothers/new/", registering(phone_1="07700 900123"))
    mother = Mother.objects.get()
    assert response.status_code == 302 and response.url == reverse("pair", args=[mother.programme_code])
    assert mother.midwife == midwife and mother.registered_by == midwife.user
    number = PhoneNumber.objects.get()
    assert (number.safe_to_call, number.safe_to_text, number.safe_voicemail) == (False, False, False)
    sheet = SafeContact.objects.get()
    assert sheet.asked_on is None and sheet.was_alone is None


def test_the_whole_safe_contact_sheet_is_kept(client: Client) -> None:
    client.post(
        "/mothers/new/",
        registering(
            phone_1="07700 900123",
            safe_1=["call", "voicemail"],
            phone_2="07700 900124",
            safe_2=["text"],
            was_alone="yes",
            if_someone_else_answers="Say you are from the group",
            what_to_do="Ring twice",
            weekdays=["1", "3"],
            from_time="09:30",
            to_time="12:00",
            lives_with=["partner"],
            texts_opted_in="on",
        ),
    )
    first, second = PhoneNumber.objects.order_by("position")
    assert (first.number, first.safe_to_call, first.safe_to_text, first.safe_voicemail) == (
        "+447700900123", True, False, True,
    )  # fmt: skip
    assert (second.safe_to_call, second.safe_to_text) == (False, True)
    sheet = SafeContact.objects.get()
    assert sheet.asked_on == TODAY and sheet.was_alone is True and sheet.lives_with == ["partner"]
    hours = sheet.safe_times.get()
    assert (hours.weekdays, hours.from_time, hours.to_time) == ([1, 3], time(9, 30), time(12))


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"phone_1": "12"}, "phone_1", "Enter a telephone number that can be rung"),
        ({"safe_1": ["call"], "was_alone": "yes"}, "phone_1", "Enter the number that is safe"),
        ({"phone_1": "07700 900123", "safe_1": ["call"]}, "was_alone", "whether she was alone"),
        ({"phone_1": "07700 900123", "phone_2": "+44 7700 900123"}, "phone_2", "first number again"),
        ({"weekdays": ["1"]}, "weekdays", "both times"),
        ({"first_name": ""}, "first_name", "Enter her first name"),
        (boxes("starts_on", TODAY + timedelta(days=1)), "starts_on", "cannot be in the future"),
        (boxes("edd", TODAY - timedelta(days=500)), "edd", "do not fit"),
        ({"edd_1": "13"}, "edd", "Enter a real date"),
    ],
)
def test_what_cannot_be_registered_is_refused_beside_its_field_and_all_typed_is_kept(
    changes: dict[str, Any], field: str, said: str, client: Client
) -> None:
    response = client.post("/mothers/new/", registering(address="4 Invented Street") | changes)
    assert response.status_code == 200
    assert said in " ".join(response.context["form"].errors[field])
    assert "4 Invented Street" in response.content.decode()
    assert "<title>Error:" in response.content.decode()
    assert not Mother.objects.exists()


def test_the_same_form_sent_twice_registers_one_mother(client: Client) -> None:
    typed = registering()
    first, second = client.post("/mothers/new/", typed), client.post("/mothers/new/", typed)
    assert first.url == second.url
    assert Mother.objects.count() == 1


def test_a_look_alike_she_may_see_is_named_by_code_and_passes_once_she_says_it_is_someone_else(
    client: Client, midwife: Midwife
) -> None:
    known = hers(midwife, family_name="INVENTED", date_of_birth=date(2003, 5, 4))
    typed = registering()
    response = client.post("/mothers/new/", typed)
    assert known.programme_code in " ".join(response.context["form"].errors["not_a_double"])
    assert Mother.objects.count() == 1
    assert client.post("/mothers/new/", typed | {"not_a_double": "on"}).status_code == 302
    assert Mother.objects.count() == 2


def test_a_look_alike_she_may_not_see_is_never_revealed(client: Client) -> None:
    make_mother(by=make_midwife().user, family_name="Invented", date_of_birth=date(2003, 5, 4))
    assert client.post("/mothers/new/", registering()).status_code == 302


# Safe contact


def test_renewing_starts_with_nothing_safe_and_a_log_line_about_her(client: Client, midwife: Midwife) -> None:
    mother = hers(midwife)
    response = client.get(reverse("safe-contact-renew", args=[mother.programme_code]))
    form = response.context["form"]
    assert form["phone_1"].value().startswith("07700")
    assert not form["safe_1"].value() and not form["was_alone"].value()
    line = AccessLog.objects.get(kind="contact_details_read")
    assert (line.by, line.about_person_id) == (midwife.user, mother.person_id)


def test_what_she_says_anew_replaces_what_she_said(client: Client, midwife: Midwife) -> None:
    mother = hers(midwife)
    url = reverse("safe-contact-renew", args=[mother.programme_code])
    assert client.post(url, {"phone_1": "07700 900777", "safe_1": ["text"]}).status_code == 200
    client.post(url, {"phone_1": "07700 900777", "safe_1": ["text"], "was_alone": "no"})
    number = PhoneNumber.objects.get(retired_at__isnull=True)
    assert (number.number, number.safe_to_call, number.safe_to_text) == ("+447700900777", False, True)
    assert SafeContact.objects.get().was_alone is False


# Pair, end, cover


def test_pairing_lists_language_then_locality_first_and_says_how_many_mothers_each_has(
    client: Client, midwife: Midwife
) -> None:
    mother = hers(midwife, language="Polish")
    make_lay_worker(supervisor=midwife, name="Far Away", locality=make_locality("Hillside"))
    make_lay_worker(supervisor=midwife, name="Near By")
    polish = make_lay_worker(supervisor=midwife, name="Speaks Polish", locality=make_locality("Hillside"))
    polish.languages = ["English", "polish"]
    polish.save(update_fields=["languages"])
    page = words(client.get(reverse("pair", args=[mother.programme_code])))
    assert page.index("Speaks Polish") < page.index("Near By") < page.index("Far Away")
    assert "Has 0 of 18 mothers, offers 8 hours a week." in page


def test_pairing_makes_the_pairing_and_leaves_the_waiting_list(
    client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    mother = hers(midwife)
    client.post(reverse("pair", args=[mother.programme_code]), {"lay_worker": lay_worker.pk})
    assert Pairing.objects.get().made_by == midwife.user
    assert mother.programme_code not in words(client.get("/awaiting/"))


def test_a_second_pairing_and_a_lay_worker_of_another_midwife_are_refused(
    client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    mother = hers(midwife)
    url = reverse("pair", args=[mother.programme_code])
    foreign = make_lay_worker()
    response = client.post(url, {"lay_worker": foreign.pk})
    assert response.status_code == 200 and response.context["form"].errors["lay_worker"]
    assert not Pairing.objects.exists()
    other = make_lay_worker(supervisor=midwife)
    for _click in range(2):
        assert client.post(url, {"lay_worker": lay_worker.pk}).status_code == 302
    assert "has a lay-worker already" in words(client.post(url, {"lay_worker": other.pk}))
    assert Pairing.objects.count() == 1


def test_a_pairing_ends_with_a_reason_and_stays_in_her_history(
    client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    mother = hers(midwife, paired_with=lay_worker)
    pairing = Pairing.objects.get()
    url = reverse("pairing-end", args=[pairing.pk])
    assert "Choose a reason" in words(client.post(url, {"reason": ""}))
    for _click in range(2):
        assert client.post(url, {"reason": "moved"}).status_code == 302
    pairing.refresh_from_db()
    assert (pairing.ended_by, pairing.end_reason) == (midwife.user, "moved")
    page = words(client.get(reverse("mother-pairings", args=[mother.programme_code])))
    assert "Lee Layworker" in page and "one of them moved away" in page
    assert "ended already" in words(client.post(url, {"reason": "she_asked"}))


def test_cover_shows_what_falls_in_its_days_before_anything_is_saved(
    client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    mother = hers(midwife, paired_with=lay_worker, name_to_use="Ada", starts_on=TODAY - timedelta(days=2))
    other = make_lay_worker(supervisor=midwife, name="Other One")
    url = reverse("cover-arrange", args=[mother.programme_code])
    typed = {
        "lay_worker": other.pk,
        **boxes("starts_on", TODAY + timedelta(days=10)),
        **boxes("last_on", TODAY + timedelta(days=16)),
    }
    page = words(client.post(url, typed | {"look": "1"}))
    assert "1 planned contact falls in these days" in page and "Ada: due 4 November 2026" in page
    assert not Cover.objects.exists()
    for _click in range(2):
        assert client.post(url, typed).status_code == 302
    cover = Cover.objects.get()
    assert (cover.lay_worker, cover.starts_on, cover.ends_on) == (
        other, TODAY + timedelta(days=10), TODAY + timedelta(days=17),
    )  # fmt: skip
    page = words(client.post(url, typed | boxes("last_on", TODAY + timedelta(days=17))))
    assert "Other One covers Ada already" in page
    assert Cover.objects.count() == 1


def test_her_own_lay_worker_cannot_be_chosen_to_cover(client: Client, midwife: Midwife, lay_worker: LayWorker) -> None:
    mother = hers(midwife, paired_with=lay_worker)
    make_lay_worker(supervisor=midwife)
    form = client.get(reverse("cover-arrange", args=[mother.programme_code])).context["form"]
    assert str(lay_worker.pk) not in {str(key) for key, _label in form.fields["lay_worker"].choices}


def test_cover_for_all_of_a_lay_workers_mothers_is_all_or_none(
    client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    first, _second = (hers(midwife, paired_with=lay_worker) for _place in range(2))
    other = make_lay_worker(supervisor=midwife)
    url = reverse("cover-arrange-all", args=[lay_worker.pk])
    typed = {"lay_worker": other.pk, **boxes("starts_on", TODAY), **boxes("last_on", TODAY + timedelta(days=6))}
    pairings.arrange_cover(
        mother=first, lay_worker=other, starts_on=TODAY, ends_on=TODAY + timedelta(days=2), by=midwife.user, now=NOW
    )
    assert client.post(url, typed).status_code == 200
    assert Cover.objects.count() == 1
    client.post(reverse("cover-cancel", args=[Cover.objects.get().pk]))
    assert client.post(url, typed).status_code == 302
    assert Cover.objects.filter(cancelled_at__isnull=True).count() == 2


def test_cover_in_the_past_or_backwards_is_refused_and_all_typed_is_kept(
    client: Client, midwife: Midwife, lay_worker: LayWorker
) -> None:
    mother = hers(midwife, paired_with=lay_worker)
    other = make_lay_worker(supervisor=midwife)
    url = reverse("cover-arrange", args=[mother.programme_code])
    for starts_on, last_on, said in (
        (TODAY - timedelta(days=1), TODAY, "cannot begin in the past"),
        (TODAY + timedelta(days=3), TODAY, "must not be before the first"),
    ):
        page = words(
            client.post(url, {"lay_worker": other.pk, **boxes("starts_on", starts_on), **boxes("last_on", last_on)})
        )
        assert said in page and f'value="{starts_on.day}"' in page
    assert not Cover.objects.exists()


# Whose it is


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", ["pair", "mother-pairings", "safe-contact-renew", "cover-arrange"])
def test_another_midwifes_mother_is_not_there(name: str, method: str, client: Client) -> None:
    mother = make_mother(by=make_midwife().user)
    answer = getattr(client, method)(reverse(name, args=[mother.programme_code]))
    assert answer.status_code == (405 if (name, method) == ("mother-pairings", "post") else 404)


def test_another_midwifes_pairing_and_cover_are_not_there(client: Client) -> None:
    other = make_midwife()
    theirs = make_lay_worker(supervisor=other)
    mother = make_mother(by=other.user, paired_with=theirs)
    cover = pairings.arrange_cover(
        mother=mother, lay_worker=make_lay_worker(supervisor=other), starts_on=TODAY,
        ends_on=TODAY + timedelta(days=2), by=other.user, now=NOW,
    )  # fmt: skip
    assert client.post(reverse("pairing-end", args=[Pairing.objects.get().pk]), {"reason": "moved"}).status_code == 404
    assert client.post(reverse("cover-cancel", args=[cover.pk])).status_code == 404


# The programme lead and the administrator


def test_the_lead_starts_from_a_preset_and_puts_a_version_in_force_with_a_reason() -> None:
    lead = make_user(Role.LEAD)
    client = signed_in(lead)
    form = client.get("/protocol/?preset=14-28").context["form"]
    assert (form["antenatal_every_days"].value(), form["postnatal_every_days"].value()) == (14, 28)
    typed = {"antenatal_every_days": 14, "postnatal_every_days": 28, "mothers_per_lay_worker": 15}
    assert "Say why" in words(client.post("/protocol/", typed))
    client.post("/protocol/", typed | {"reason": "As in 2011"})
    latest = ProtocolVersion.objects.latest("id")
    assert (latest.postnatal_every_days, latest.made_by) == (28, lead)
    assert "in force already" in words(client.post("/protocol/", typed | {"reason": "Again"}))
    assert "As in 2011" in words(client.get("/protocol/"))


def test_a_new_version_leaves_mothers_registered_before_with_theirs() -> None:
    before = make_mother()
    signed_in(make_user(Role.LEAD)).post(
        "/protocol/",
        {"antenatal_every_days": 7, "postnatal_every_days": 7, "mothers_per_lay_worker": 15, "reason": "Weekly"},
    )
    after = make_mother()
    before.refresh_from_db()
    assert (before.protocol.antenatal_every_days, after.protocol.antenatal_every_days) == (14, 7)


def test_an_administrator_gives_a_lay_worker_her_profile_and_changes_it(midwife: Midwife) -> None:
    client = signed_in(make_user(Role.ADMINISTRATOR))
    person = make_user(Role.LAY_WORKER, name="New Person")
    profile = {
        "supervisor": midwife.pk,
        "locality": make_locality().pk,
        "languages": "English, Polish, English",
        "weekly_hours": "7.5",
    }
    client.post("/staff/lay-workers/new/", profile | {"user": person.pk})
    made = LayWorker.objects.get()
    assert (made.user, made.languages, str(made.weekly_hours)) == (person, ["English", "Polish"], "7.5")
    page = words(client.get("/staff/"))
    assert "New Person" in page and "7.5 hours a week" in page
    again = client.get("/staff/lay-workers/new/").context["form"]
    assert person not in again.fields["user"].queryset
    url = reverse("staff-lay-worker-edit", args=[made.pk])
    client.post(url, profile | {"weekly_hours": "4", **boxes("left_on", TODAY + timedelta(days=9))})
    made.refresh_from_db()
    assert (str(made.weekly_hours), made.left_on) == ("4.0", TODAY + timedelta(days=9))


def test_mothers_go_along_when_the_supervisor_changes(midwife: Midwife, lay_worker: LayWorker) -> None:
    mother = hers(midwife, paired_with=lay_worker)
    other = make_midwife()
    signed_in(make_user(Role.ADMINISTRATOR)).post(
        reverse("staff-lay-worker-edit", args=[lay_worker.pk]),
        {"supervisor": other.pk, "locality": lay_worker.locality_id, "languages": "English", "weekly_hours": "8"},
    )
    assert signed_in(other.user).get(reverse("mother-detail", args=[mother.programme_code])).status_code == 200
    assert signed_in(midwife.user).get(reverse("mother-detail", args=[mother.programme_code])).status_code == 404


def test_an_administrator_gives_a_midwife_her_profile_only_with_the_right() -> None:
    client = signed_in(make_user(Role.ADMINISTRATOR))
    with_right, without = make_user(Role.MIDWIFE), make_user(Role.LAY_WORKER)
    assert "Choose a person" in words(client.post("/staff/midwives/new/", {"user": ""}))
    assert client.post("/staff/midwives/new/", {"user": without.pk}).status_code == 200
    client.post("/staff/midwives/new/", {"user": with_right.pk})
    assert [row.user for row in Midwife.objects.all()] == [with_right]


def test_the_staff_page_names_no_mother_and_asks_as_often_for_one_as_for_twenty(
    midwife: Midwife, lay_worker: LayWorker
) -> None:
    mother = hers(midwife, paired_with=lay_worker, name_to_use="Secretname")
    client = signed_in(make_user(Role.ADMINISTRATOR))
    page = words(client.get("/staff/"))
    assert "Secretname" not in page and mother.programme_code not in page

    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get("/staff/")
        return len(asked)

    first = count()
    for _place in range(19):
        make_lay_worker(supervisor=midwife)
    assert count() == first <= 12


@pytest.mark.parametrize("role", [Role.LAY_WORKER, Role.LEAD, Role.COORDINATOR, Role.ADMINISTRATOR])
@pytest.mark.parametrize("url", ["/caseload/", "/awaiting/", "/mothers/new/"])
def test_the_midwifes_pages_are_for_midwives_alone(url: str, role: Role) -> None:
    assert signed_in(make_user(role)).get(url).status_code == 403


@pytest.mark.parametrize("role", [Role.LAY_WORKER, Role.MIDWIFE, Role.LEAD])
@pytest.mark.parametrize("url", ["/staff/", "/staff/lay-workers/new/", "/staff/midwives/new/"])
def test_the_staff_pages_are_for_administrators_alone(url: str, role: Role) -> None:
    assert signed_in(make_user(role)).get(url).status_code == 403
