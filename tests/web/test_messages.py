"""What a member of staff is told: her page, her boxes and quiet days, and why she got each message."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from outbox.models import Message, Preference, QuietDay
from outbox.queries.wishes import wishes_of
from outbox.services import delivery, messages, wishes
from people.rules.local_time import local_date
from people.rules.roles import Role
from tests.factories import NOW, make_lay_worker, make_midwife, make_mother, make_user

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)
KINDS = (
    "no_attempt_yet", "contact_coming_up", "contact_overdue", "appointment_tomorrow", "baby_expected",
    "ending_in_eight_weeks", "new_pairing", "import_digest",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _at_the_hour_of_the_tests(settings):
    settings.SECOND_FACTOR_REQUIRED = False
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def lay_worker():
    return make_lay_worker(supervisor=make_midwife(), now=NOW - timedelta(days=60))


def everything(form):
    return {code: list(field.initial) for code, field in form.fields.items()}


def waiting(user):
    return Message.objects.filter(recipient_user=user, status="queued")


def test_boxes_are_saved_and_what_waits_is_settled_at_once(client, lay_worker):
    make_mother(paired_with=lay_worker, starts_on=TODAY)
    client.force_login(lay_worker.user)
    page = client.get(reverse("wishes"))
    assert set(KINDS) <= set(page.context["form"].fields)
    assert waiting(lay_worker.user).filter(kind="contact_coming_up", channel="email").exists()
    ticked = everything(page.context["form"]) | {"contact_coming_up": ["in_app"]}
    assert client.post(reverse("wishes"), ticked).status_code == 302
    assert not waiting(lay_worker.user).filter(kind="contact_coming_up", channel="email").exists()
    assert waiting(lay_worker.user).filter(kind="contact_coming_up", channel="in_app").exists()
    assert waiting(lay_worker.user).filter(kind="contact_overdue", channel="email").exists()
    off = Message.objects.filter(recipient_user=lay_worker.user, status="cancelled")
    assert set(off.values_list("kind", "channel", "why")) == {("contact_coming_up", "email", "switched_off")}
    # And back: written again at once.
    ticked["contact_coming_up"] = ["email", "in_app"]
    client.post(reverse("wishes"), ticked)
    assert waiting(lay_worker.user).filter(kind="contact_coming_up", channel="email").exists()
    assert Preference.objects.count() == 1


def test_one_way_at_least_is_kept(client, lay_worker):
    client.force_login(lay_worker.user)
    form = client.get(reverse("wishes")).context["form"]
    page = client.post(reverse("wishes"), everything(form) | {"contact_overdue": []})
    assert page.status_code == 200
    assert "Keep e-mail or the app for this: contact overdue" in page.content.decode()
    assert not Preference.objects.exists()
    with pytest.raises(wishes.CannotBeSwitchedOff):
        off = {("contact_overdue", "email"): False, ("contact_overdue", "in_app"): False}
        wishes.change(user=lay_worker.user, wanted=off, by=lay_worker.user, now=NOW)


def test_alerts_and_letters_cannot_be_switched_off_and_the_page_says_why(client):
    lead = make_user(Role.LEAD)
    client.force_login(lead)
    page = client.get(reverse("wishes"))
    assert "What you cannot switch off" in page.content.decode()
    assert not any(code.startswith("alert_") for code in page.context["form"].fields)
    for kind in ("alert_concern_emergency", "password_reset", "invitation"):
        with pytest.raises(wishes.CannotBeSwitchedOff):
            wishes.change(user=lead, wanted={(kind, "email"): False}, by=lead, now=NOW)


def letter(user, *, kind="contact_overdue", expires=timedelta(days=3), due_at=NOW):
    mother = make_mother()
    new = messages.New(
        kind=kind, channel="in_app", nominal_on=TODAY, due_at=due_at, expires_at=due_at + expires,
        subject_id=mother.person_id, subject_due_on=TODAY, recipient_user_id=user.pk,
        detail={"alert": 1, "mothers": 1},
    )  # fmt: skip
    messages.queue_many([new], now=NOW)
    return Message.objects.latest("pk")


def test_on_a_quiet_day_what_can_wait_waits_for_the_same_hour_of_the_next(client, lay_worker):
    client.force_login(lay_worker.user)
    waits = letter(lay_worker.user, kind="import_digest")
    gone_by = letter(lay_worker.user, expires=timedelta(hours=5))
    assert client.post(reverse("quiet-day-add"), {"on_0": "23", "on_1": "10", "on_2": "2026"}).status_code == 302
    client.post(reverse("quiet-day-add"), {"on_0": "24", "on_1": "10", "on_2": "2026"})
    delivery.deliver_due(now=NOW)
    waits.refresh_from_db()
    gone_by.refresh_from_db()
    # The next day that is not quiet is the one on which the clocks have gone back: 11:30 local is 11:30 UTC.
    assert (waits.status, waits.due_at) == ("queued", NOW + timedelta(days=2, hours=1))
    assert (gone_by.status, gone_by.why) == ("cancelled", "quiet_day")


def test_a_day_made_quiet_between_claim_and_hand_over_is_seen(lay_worker):
    waits = letter(lay_worker.user, kind="import_digest")
    taken = delivery.mark(ids=delivery.claim(channel="in_app", limit=9, now=NOW), now=NOW)
    wishes.keep_quiet(user=lay_worker.user, on=TODAY, by=lay_worker.user, now=NOW)
    delivery.hand_over(message_ids=taken, carrier=delivery.CARRIERS["in_app"], now=NOW)
    waits.refresh_from_db()
    assert (waits.status, waits.why) == ("queued", "quiet_day")


def test_a_kind_switched_off_between_claim_and_hand_over_does_not_go(lay_worker):
    waits = letter(lay_worker.user, kind="import_digest")
    taken = delivery.mark(ids=delivery.claim(channel="in_app", limit=9, now=NOW), now=NOW)
    off = {("import_digest", "in_app"): False}
    wishes.change(user=lay_worker.user, wanted=off, by=lay_worker.user, now=NOW)
    delivery.hand_over(message_ids=taken, carrier=delivery.CARRIERS["in_app"], now=NOW)
    waits.refresh_from_db()
    assert (waits.status, waits.why) == ("cancelled", "switched_off")


def test_reminders_move_with_a_quiet_day_and_back_when_it_ends(client, lay_worker):
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY)
    client.force_login(lay_worker.user)
    overdue = waiting(lay_worker.user).filter(subject=mother.person_id, kind="contact_overdue", channel="email")
    due_at = overdue.earliest("due_at").due_at
    day = wishes.keep_quiet(user=lay_worker.user, on=local_date(due_at), by=lay_worker.user, now=NOW)
    assert overdue.earliest("due_at").due_at == due_at + timedelta(days=1)
    assert "Monday 26 October 2026" in client.get(reverse("wishes")).content.decode()
    assert client.post(reverse("quiet-day-end", args=[day.pk])).status_code == 302
    assert overdue.earliest("due_at").due_at == due_at
    assert not QuietDay.objects.exists()


def test_another_persons_quiet_day_and_a_past_one_are_refused(client, lay_worker):
    other = make_midwife().user
    day = wishes.keep_quiet(user=other, on=TODAY, by=other, now=NOW)
    client.force_login(lay_worker.user)
    assert client.post(reverse("quiet-day-end", args=[day.pk])).status_code == 404
    page = client.post(reverse("quiet-day-add"), {"on_0": "22", "on_1": "10", "on_2": "2026"})
    assert "Choose today or a day to come." in page.content.decode()


def test_a_letter_of_the_account_goes_on_a_quiet_day(lay_worker):
    wishes.keep_quiet(user=lay_worker.user, on=TODAY, by=lay_worker.user, now=NOW)
    hers = wishes_of([lay_worker.user_id])[lay_worker.user_id]
    expires_at = NOW + timedelta(hours=1)
    for kind in ("password_reset", "alert_overdue_visit"):
        assert hers.goes_at(kind, due_at=NOW, expires_at=expires_at, today=TODAY) == NOW
    assert hers.goes_at("contact_overdue", due_at=NOW, expires_at=expires_at, today=TODAY) is None


def test_each_message_says_why_it_came_as_the_rule_has_it(client, lay_worker):
    make_mother(paired_with=lay_worker, starts_on=TODAY)
    due = Message.objects.filter(kind="contact_overdue", channel="in_app").earliest("due_at")
    with time_machine.travel(due.due_at, tick=False):
        assert delivery.deliver_due(now=due.due_at) > 0
        client.force_login(lay_worker.user)
        text = " ".join(client.get(reverse("message-list")).content.decode().split())
    for line in (
        "Why did I get this?", "You get this three days after a planned contact while its window is open.",
        "Kind: contact overdue", "About the contact of 23 October 2026", "Due: 26 October 2026, 09:00",
        "Of use until: 30 October 2026, 00:00",
    ):  # fmt: skip
        assert line in text
