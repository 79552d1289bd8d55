"""Every page of every role, as a sample cohort fills it, at both sizes: those of the table of URLs, so that none is forgotten."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest
import time_machine
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.test import override_settings
from django.urls import resolve, reverse
from playwright.sync_api import Browser, Response
from pytest_django.live_server_helper import LiveServer
from whitenoise.compress import Compressor

from mentoring.models import Alert, Contact, Duty, ImportJob, LayWorker, Mother, Pairing, RotaShift, Visit
from mentoring.services import alerts, appointments, duties, imports, losses, pairings, plans, sample
from mentoring.services.mothers import suspend_safe_contact
from mentoring.tasks import top_up_messages
from outbox.models import Message
from outbox.services import letters
from outbox.tasks import deliver_due_messages
from people.models import Locality, Loss, User
from people.rules.local_time import local_date
from people.rules.roles import Role
from tests.conftest import NOW, empty_tables
from tests.factories import PASSWORD, make_user
from tests.journeys.conftest import visitor_at
from tests.web.test_every_url import ADMIN, COORDINATOR, KEPT, LAY, LEAD, MID, TABLE

pytestmark = pytest.mark.journey

TODAY = local_date(NOW)
EMAILS = {role: f"{name}@example.org" for name, _full_name, role in sample.SIGN_INS}
SAMPLES = Path(__file__).resolve().parent.parent.parent / "docs" / "samples"
# These answer to a button on another page and show none of their own.
ACTS = {"cover-cancel", "quiet-day-end", "user-act", "mfa_download_recovery_codes"}
# To these nobody goes by a link: the door leads there, or a form just sent.
LED_TO = {"kept-form", "contact-urgent"}
# The door: before a sign-in, with a password alone, with every factor, and what stands in between.
SIGNED_OUT = (
    "account_login", "account_inactive", "account_reset_password", "account_reset_password_done",
    "account_reset_password_from_key", "account_reset_password_from_key_done",
)  # fmt: skip
BEFORE = ("mfa_index", "account_reauthenticate", "mfa_activate_totp")
WITH_FACTORS = (
    "mfa_index", "mfa_list_webauthn", "mfa_edit_webauthn", "mfa_remove_webauthn", "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes", "mfa_deactivate_totp", "mfa_reauthenticate", "mfa_reauthenticate_webauthn",
    "account_change_password", "usersessions_list",
)  # fmt: skip
ON_THE_WAY = ("mfa_add_webauthn", "mfa_authenticate", "account_logout", "unlock")
ASKS = {
    "account_login", "account_reset_password", "account_reset_password_from_key", "account_reauthenticate",
    "mfa_activate_totp", "mfa_edit_webauthn", "mfa_reauthenticate", "account_change_password",
}  # fmt: skip
OF_A_PASSKEY = {"mfa_edit_webauthn", "mfa_remove_webauthn"}
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
# Forms that ask for something, with the query that opens them.
EMPTY = {
    LAY: [
        "contact-log?what=phone-reached", "contact-correct", "contact-void", "appointment-agree",
        "plan-change?kind=rhythm", "plan-change?kind=pause", "plan-change?kind=resume", "birth-record",
        "due-date-change", "loss-record", "worry-raise",
    ],
    MID: [
        "mother-register", "safe-contact-renew", "pair", "pairing-end", "cover-arrange", "cover-arrange-all",
        "import-new", "loss-undo", "support-start", "request-record", "duty-detail", "alert-detail",
    ],
    LEAD: ["protocol", "rota", "alert-detail"],
    COORDINATOR: ["export-new", "loss-find"],
    ADMIN: [
        "user-invite", "user-detail", "locality-new", "locality-edit", "staff-lay-worker-new", "staff-lay-worker-edit",
        "staff-midwife-new",
    ],
}  # fmt: skip
# Where the links and the forms of a page lead, on this site.
LEADS_TO = """() => [...document.querySelectorAll('a[href], form[action]')]
  .map((part) => new URL(part.getAttribute('href') ?? part.getAttribute('action'), location.href))
  .filter((address) => address.origin === location.origin && !address.pathname.startsWith('/static/'))
  .map((address) => address.href)"""
# What a finger must hit: buttons, menus, names that lead to a page, answers, boxes. Links within a sentence are left.
TOO_SMALL = """() => [...document.querySelectorAll(
  'button, .nhsuk-button, summary, select, input:not([type=hidden], [type=radio], [type=checkbox]), textarea, nav a, ' +
  '.nhsuk-back-link, h2 a, h3 a, td a, .app-caseload__people a, .nhsuk-radios__item, .nhsuk-checkboxes__item, .app-timeline a')]
  .filter((part) => part.checkVisibility() && part.getBoundingClientRect().height > 0)
  .filter((part) => part.getBoundingClientRect().height < 43.5)
  .map((part) => `${part.getBoundingClientRect().height} ${part.outerHTML.slice(0, 120)}`)"""


@pytest.fixture(scope="module")
def cohort(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[str]:
    """The address of a server with a sample cohort, made once for a module whose tests change nothing that others read."""
    mailbox = tmp_path_factory.mktemp("mailbox")
    with (
        django_db_blocker.unblock(),
        time_machine.travel(NOW, tick=False),
        override_settings(
            ALLOWED_HOSTS=["*"],
            SECOND_FACTOR_REQUIRED=False,
            # Twenty people are given passwords: how slow their hash is has no part in what is looked at here.
            PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
            EMAIL_BACKEND="django.core.mail.backends.filebased.EmailBackend",
            EMAIL_FILE_PATH=mailbox,
        ),
    ):
        cache.clear()
        sample.load(mothers=14, seed=1, on=TODAY, now=NOW, sign_ins=True)
        _happens_too()
        server = LiveServer("localhost")
        yield server.url
        server.stop()
        empty_tables()


def _happens_too() -> None:
    """What the sample does not hold and some page shows: cover, an ended pairing, a hold, an import, messages."""
    lay_worker = LayWorker.objects.get(user__email=EMAILS[LAY])
    midwife = lay_worker.supervisor.user
    open_pairings = Pairing.objects.filter(lay_worker__supervisor=lay_worker.supervisor, ended_at=None).order_by("pk")
    hers = [pairing.mother for pairing in open_pairings if pairing.lay_worker_id == lay_worker.pk]
    others = [pairing for pairing in open_pairings if pairing.lay_worker_id != lay_worker.pk]
    assert len(hers) >= 3 and len(others) >= 2, "the sample gives this midwife's lay-workers too few mothers"
    days = {"starts_on": TODAY, "ends_on": TODAY + timedelta(days=7), "by": midwife, "now": NOW}
    pairings.arrange_cover(mother=hers[0], lay_worker=others[0].lay_worker, **days)
    pairings.arrange_cover(mother=others[0].mother, lay_worker=lay_worker, **days)
    appointments.agree(mother=hers[0], starts_at=NOW + timedelta(days=3), mode="home_visit", by=midwife, now=NOW)
    suspend_safe_contact(mother=hers[1], by=midwife, now=NOW)
    asked = {"asked_by": "she_to_midwife", "by": midwife, "now": NOW}
    plans.change(mother=hers[2], request=plans.PauseFor(), **asked)
    last = pairings.pair(
        mother=Mother.objects.filter(pairings=None).earliest("pk"), lay_worker=lay_worker, by=midwife, now=NOW
    )
    pairings.end(pairing=last, reason="moved", by=midwife, now=NOW)
    plans.change(mother=others[-1].mother, request=plans.Hold("unreachable"), **asked)
    lead = User.objects.get(email=EMAILS[LEAD])
    for by in (midwife, lead):
        alert = alerts.raise_alert(kind="concern_today", mother=hers[0], text="Worried", by=lay_worker.user, now=NOW)
        Alert.objects.filter(pk=alert.pk).update(told=[by.pk], holder=by)
        alerts.acknowledge(alert=alert, by=by, now=NOW)
    for kind in (Duty.Kind.INTRODUCE, Duty.Kind.REPLY):
        duties.raise_now(kind=kind, mother=hers[0], owner=lay_worker.supervisor, by=None, now=NOW)
    Visit.objects.create(
        client_id=uuid4(), mother=hers[0], lay_worker=lay_worker, started_at=NOW, started_by=lay_worker.user,
        expected_end_at=NOW + timedelta(hours=1), expected_end_by=lay_worker.user,
    )  # fmt: skip
    losses.record(mother=others[0].mother, kind="stillbirth", by=midwife, now=NOW)
    for content in ((SAMPLES / "caseload.csv").read_bytes(), b"programme_code\nM-1\n"):
        options = {"records_from": "", "create_localities": True, "update": False}
        imports.ask(kind="caseload", content=content, options=options, dry_run=True, by=midwife, now=NOW)
    imports.run_waiting(now=NOW)
    for by in (midwife, lead):
        imports.ask(kind="contacts", content=b"programme_code\n", options={}, dry_run=True, by=by, now=NOW)
    top_up_messages()
    deliver_due_messages()
    ways = {"failed": "carrier_refused", "needs_a_person": "broken_off", "expired": ""}
    for (status, why), user in zip(ways.items(), (midwife, lead, lay_worker.user), strict=True):
        letters.write(kind="password_reset", user=user, now=NOW)
        Message.objects.filter(recipient_user=user, kind="password_reset").update(status=status, why=why)


def addresses(role: Role) -> dict[str, list[str]]:
    """Return where each page is, at rows of the cohort that a lay-worker and her midwife see; an import, its own person."""
    lay_worker = LayWorker.objects.get(user__email=EMAILS[LAY])
    hers = list(
        Mother.objects.filter(pairings__lay_worker=lay_worker, pairings__ended_at=None)
        .order_by("pk")
        .values_list("programme_code", flat=True)
    )
    mother = Mother.objects.get(programme_code=hers[0])
    of_hers = Contact.objects.filter(mother__programme_code__in=hers, entered_by=lay_worker.user, voided_at=None)
    entry = of_hers.filter(outcome="reached").latest("pk")
    jobs = ImportJob.objects.filter(uploaded_by__email=EMAILS[role]).order_by("pk").values_list("reference", flat=True)
    paired = Pairing.objects.filter(ended_at=None).values("mother")
    awaiting = Mother.objects.filter(midwife=lay_worker.supervisor).exclude(pk__in=paired).earliest("pk")
    unborn = Mother.objects.filter(programme_code__in=hers, person__pregnancy__babies=None).first() or mother

    def at(name: str, *args: Any) -> str:
        return reverse(name, args=args)

    loss = Loss.objects.earliest("pk")
    lost = Mother.objects.get(person=loss.person_id).programme_code

    code = mother.programme_code
    older = quote(f"{(NOW - timedelta(days=30)).isoformat()}_1")
    to_do = Duty.objects.filter(owner=lay_worker.supervisor, closed_at=None, mother__isnull=False)
    about = Alert.objects.filter(holder__email=EMAILS[role]).values_list("pk", flat=True)
    rows: dict[str, list[str]] = {
        "alert-detail": [at("alert-detail", alert) for alert in about],
        "duty-detail": [
            at("duty-detail", to_do.filter(kind=kind).latest("pk").pk) for kind in ("introduce", "reply", "bereavement")
        ],
        "rota-withdraw": [at("rota-withdraw", RotaShift.objects.latest("pk").pk)],
        "visit-begin": [at("visit-begin", code)],
        "visit-detail": [at("visit-detail", Visit.objects.get().client_id)],
        "worry-raise": [at("worry-raise", code)],
        "appointment-agree": [at("appointment-agree", code)],
        "appointment-call-off": [at("appointment-call-off", code, mother.appointments.get(withdrawn_at=None).pk)],
        "birth-record": [at("birth-record", unborn.programme_code)],
        "caseload": [at("caseload"), at("caseload") + "?only=overdue&search=a", at("caseload") + "?search=zzz"],
        "contact-correct": [at("contact-correct", entry.mother.programme_code, entry.client_id)],
        "contact-log": [at("contact-log", code)]
        + [at("contact-log", code) + f"?what={what}" for what in ("phone-reached", "home_visit-reached")]
        + [at("contact-log", code) + f"?what=phone-{what}" for what in ("no_answer", "not_safe")],
        "contact-urgent": [at("contact-urgent", code, kind) for kind in ("emergency", "today", "not-safe", "ring-me")],
        "contact-void": [at("contact-void", entry.mother.programme_code, entry.client_id)],
        "cover-arrange": [at("cover-arrange", code)],
        "cover-arrange-all": [at("cover-arrange-all", lay_worker.pk)],
        "due-date-change": [at("due-date-change", unborn.programme_code)],
        "import-detail": [at("import-detail", reference) for reference in jobs],
        "lay-worker-detail": [at("lay-worker-detail", lay_worker.pk)],
        "locality-edit": [at("locality-edit", Locality.objects.earliest("pk").pk)],
        "loss-record": [at("loss-record", code)],
        "loss-undo": [at("loss-undo", lost, loss.pk)],
        # The lead sees the one mother that an alert of hers is about.
        "mother-detail": [at("mother-detail", one) for one in ([code] if role is LEAD else [*hers, lost])]
        + [at("mother-detail", code) + f"?before={older}"],
        "mother-pairings": [at("mother-pairings", code)],
        "pair": [at("pair", awaiting.programme_code)],
        "pairing-end": [at("pairing-end", mother.pairings.get(ended_at=None).pk)],
        "plan-change": [at("plan-change", code)]
        + [at("plan-change", code) + f"?kind={kind}" for kind in ("rhythm", "pause", "resume")],
        "request-record": [at("request-record", code)],
        "safe-contact-renew": [at("safe-contact-renew", code)],
        "staff-lay-worker-edit": [at("staff-lay-worker-edit", lay_worker.pk)],
        "support-start": [at("support-start", lost)],
        "user-detail": [at("user-detail", User.objects.get(email=EMAILS[COORDINATOR]).pk)],
        "user-list": [at("user-list"), at("user-list") + "?search=zzz"],
    }
    failed, unknown, expired = (
        Message.objects.filter(status=status).values_list("pk", flat=True).latest("pk")
        for status in ("failed", "needs_a_person", "expired")
    )
    rows |= {
        "stuck-message-act": [
            at("stuck-message-act", failed, "send-again"),
            at("stuck-message-act", unknown, "send-again"),
            at("stuck-message-act", unknown, "dismiss"),
        ],
        "stuck-messages": [at("stuck-messages")]
        + [at("stuck-messages") + f"?status={status}" for status in ("failed", "expired")]
        + [at("stuck-messages") + f"?status=expired&before={expired}"],
    }
    plain = [name for name, (_roles, arguments) in TABLE.items() if not arguments]
    return {name: [at(name)] for name in plain} | rows


@pytest.mark.usefixtures("cohort")
def test_the_pages_opened_here_are_those_of_the_urlconf() -> None:
    assert sorted(addresses(MID)) == sorted(TABLE.keys() - ACTS)
    assert sorted({*SIGNED_OUT, *BEFORE, *WITH_FACTORS, *ON_THE_WAY}) == sorted(KEPT - ACTS)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.UNBLINDED])
def test_every_page_of_a_role_is_well_and_links_lead_to_it(
    cohort: str, browser: Browser, size: str, role: Role
) -> None:
    visitor = visitor_at(browser, cohort, size).signs_in(User.objects.get(email=EMAILS[role]))
    troubles, titles, leads = [], defaultdict(set), defaultdict(set)
    hers = [(name, paths) for name, paths in addresses(role).items() if role in TABLE[name][0]]
    for name, path in ((name, path) for name, paths in hers for path in paths):
        # The mailbox, and the link to it, are of the demo alone.
        with override_settings(DEMO=name in {"home", "mailbox"}):
            answer = visitor.page.goto(cohort + path)
            troubles += visitor.troubles()
            if answer is None or answer.status != 200:
                troubles.append(f"{path} as {role}: {answer and answer.status}")
            elif "?" not in path:
                visitor.keeps_picture(name)
        titles[visitor.page.title()].add(resolve(urlsplit(visitor.page.url).path).url_name)
        leads[name] |= {resolve(urlsplit(led).path).url_name for led in visitor.page.evaluate(LEADS_TO)}
    visitor.context.close()
    assert troubles == []
    assert {title: names for title, names in titles.items() if len(names) > 1} == {}
    reached: set[str] = set()
    # A coordinator sees no mother's page: her form leads to the one of a loss.
    waiting = {"home", *LED_TO, *({"loss-record"} if role is COORDINATOR else set())}
    while waiting:
        reached |= waiting
        waiting = set().union(*(leads[name] for name in waiting)) - reached
    assert {name for name, _paths in hers} - reached == set(), "no link leads there from the first page"


@pytest.mark.parametrize(("role", "names"), EMPTY.items())
def test_a_form_sent_empty_says_what_is_missing_and_leads_there(
    cohort: str, browser: Browser, size: str, role: Role, names: list[str]
) -> None:
    visitor = visitor_at(browser, cohort, size).signs_in(User.objects.get(email=EMAILS[role]))
    rows = addresses(role)
    troubles = []
    for name in names:
        page, _mark, query = name.partition("?")
        visitor.page.goto(f"{cohort}{rows[page][0]}?{query}")
        troubles += visitor.sends_empty()
    visitor.context.close()
    assert troubles == []


def test_the_door_is_well_signed_out_with_a_password_alone_and_with_every_factor(
    cohort: str, browser: Browser, size: str
) -> None:
    user = make_user(Role.DPO, password=PASSWORD, email=f"door-{size}@example.org", name="Dora Doorstep")
    letter = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    visitor = visitor_at(browser, cohort, size)
    troubles, linked = [], set()

    def opens(name: str, *, empty: bool = False, **arguments: Any) -> None:
        path = reverse(name, kwargs=arguments)
        visitor.page.goto(cohort + path)
        troubles.extend(visitor.troubles())
        if name != "account_reset_password_from_key" and urlsplit(visitor.page.url).path != path:
            troubles.append(f"{name} led to {visitor.page.url}")
        linked.update(resolve(urlsplit(led).path).url_name for led in visitor.page.evaluate(LEADS_TO))
        if empty:
            troubles.extend(visitor.sends_empty())

    for name in SIGNED_OUT:
        opens(name, empty=name in ASKS, **(letter if name == "account_reset_password_from_key" else {}))
    opens("account_reset_password_from_key", uidb36="1", key="not-a-key")

    opens("account_login")
    visitor.types(login=user.email, password=PASSWORD).taps("Sign in")
    for name in BEFORE:
        opens(name, empty=name in ASKS)
        if name == "account_reauthenticate":
            visitor.types(password=PASSWORD).taps("Go on")
    # A passkey of a phone that the browser makes up.
    devtools = visitor.context.new_cdp_session(visitor.page)
    devtools.send("WebAuthn.enable")
    phone = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    phone |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": phone})
    opens("mfa_add_webauthn")
    visitor.types(name="My phone")
    with visitor.page.expect_navigation():
        visitor.page.get_by_role("button", name="Add a passkey").click()
    troubles += visitor.troubles()
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)
    passkey = Authenticator.objects.get(user=user, type=Authenticator.Type.WEBAUTHN)
    for name in WITH_FACTORS:
        opens(name, empty=name in ASKS, **({"pk": passkey.pk} if name in OF_A_PASSKEY else {}))

    opens("account_logout")
    visitor.page.locator("main").get_by_role("button", name="Sign out").click()
    opens("account_login")
    visitor.types(login=user.email, password=PASSWORD).taps("Sign in")
    assert urlsplit(visitor.page.url).path == reverse("mfa_authenticate")
    troubles += visitor.sends_empty()
    visitor.types(code=format_hotp_value(hotp_value(SECRET, next(yield_hotp_counters_from_time()))))
    visitor.taps("Sign in")
    assert urlsplit(visitor.page.url).path == reverse("access-log")
    visitor.context.close()
    assert troubles == []
    assert set(WITH_FACTORS) - linked == set()


def test_what_was_typed_before_a_lock_is_kept_and_each_page_on_the_way_is_well(
    cohort: str, browser: Browser, size: str
) -> None:
    visitor = visitor_at(browser, cohort, size).signs_in(User.objects.get(email=EMAILS[LAY]))
    visitor.opens(addresses(LAY)["contact-void"][0]).types(reason="It was about someone else")
    [key] = [cookie["value"] for cookie in visitor.context.cookies() if cookie["name"] == settings.SESSION_COOKIE_NAME]
    session = SessionStore(key)
    session["locked_at"] = (NOW - timedelta(minutes=1)).isoformat()
    session.save()
    visitor.taps("Take it back").sees("Locked after 30 quiet minutes").taps("Go on")
    visitor.types(password=sample.PASSWORD).taps("Go on").sees("It has not been saved yet.")
    assert visitor.page.locator('[name="reason"]').get_attribute("value") == "It was about someone else"
    visitor.taps("Throw it away").sees("Today")
    visitor.context.close()


def test_a_page_that_cannot_be_shown_is_well_too(cohort: str, browser: Browser, size: str) -> None:
    visitor = visitor_at(browser, cohort, size).signs_in(User.objects.get(email=EMAILS[MID]))
    for path, status in (
        ("/today/", 403),
        ("/mothers/M-NOBODY/", 404),
        ("/nowhere/", 404),
        ("/caseload/?search=%00", 400),
    ):
        answer = visitor.page.goto(cohort + path)
        assert answer is not None and answer.status == status
        visitor.is_well()
    visitor.opens("/mothers/new/").context.clear_cookies(name="csrftoken")
    visitor.taps("Register her").does_not_see("Who she is")
    visitor.context.close()


def heaviest(role: Role) -> list[str]:
    """Return the pages that a lay-worker opens most, or a midwife."""
    rows = addresses(role)
    if role is MID:
        return [rows["caseload"][0], rows["mother-detail"][0]]
    return [rows["today"][0], *rows["mother-detail"][:2], *rows["contact-log"][:2]]


@pytest.mark.parametrize("role", [LAY, MID])
def test_at_four_hundred_per_cent_nothing_scrolls_sideways(cohort: str, browser: Browser, role: Role) -> None:
    visitor = visitor_at(browser, cohort, "phone", viewport={"width": 320, "height": 256})
    visitor.signs_in(User.objects.get(email=EMAILS[role]))
    for path in heaviest(role):
        visitor.opens(path)
    visitor.context.close()


@pytest.mark.parametrize("role", [LAY, MID])
def test_what_is_tapped_on_a_phone_is_at_least_44_pixels_high(cohort: str, browser: Browser, role: Role) -> None:
    visitor = visitor_at(browser, cohort, "phone").signs_in(User.objects.get(email=EMAILS[role]))
    small = {}
    for path in heaviest(role):
        visitor.page.goto(cohort + path)
        small[path] = visitor.page.evaluate(TOO_SMALL)
    visitor.context.close()
    assert {path: found for path, found in small.items() if found} == {}


@pytest.mark.parametrize("role", [LAY, MID])
def test_a_first_load_is_under_60_kilobytes(cohort: str, browser: Browser, role: Role) -> None:
    """All by gzip: style, script and icon as WhiteNoise sends them, the page as the proxy in front of it does."""
    squeeze = Compressor(use_brotli=False, quiet=True)
    weights = {}
    for path in heaviest(role):
        visitor = visitor_at(browser, cohort, "phone").signs_in(User.objects.get(email=EMAILS[role]))
        answers: list[Response] = []
        visitor.page.on("response", lambda answer, answers=answers: answers.append(answer))
        visitor.page.goto(cohort + path, wait_until="networkidle")
        assert {urlsplit(answer.url).path.rpartition(".")[2] for answer in answers} >= {"css", "js"}
        weights[path] = sum(len(squeeze.compress_gzip(answer.body())) for answer in answers)
        visitor.context.close()
    assert {path: weight for path, weight in weights.items() if weight >= 60_000} == {}
