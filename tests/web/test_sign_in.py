"""The door: sign-in and its limits, the second factor, a session that locks or ends, a form that waits for its owner."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import time_machine
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.cache import cache
from django.test import Client, TestCase
from django.urls import NoReverseMatch, reverse

from outbox.models import Message
from people.models import AccessLog, Locality
from people.rules.roles import Role
from people.services import roles, users
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NOON = datetime(2026, 10, 24, 11, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_tries_counted_yet():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def one_factor(settings):
    settings.SECOND_FACTOR_REQUIRED = False


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def code_for(secret):
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


def sign_in(client, user, password=PASSWORD, **fields):
    return client.post("/accounts/login/", {"login": user.email, "password": password} | fields)


def prove(client, clock):
    """Show a moment later that it is she, with the password."""
    clock.shift(timedelta(seconds=5))
    return client.post("/accounts/reauthenticate/", {"password": PASSWORD})


def kinds():
    return list(AccessLog.objects.order_by("id").values_list("kind", flat=True))


def owner_in(html):
    return re.search(r'name="form_owner" value="([^"]+)"', html).group(1)


# --- Sign-in -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("one_factor")
def test_a_person_signs_in_and_out_and_both_stand_in_the_access_log(client):
    user = make_user(Role.DPO, password=PASSWORD)
    assert sign_in(client, user)["Location"] == "/"
    assert client.get("/")["Location"] == "/access-log/"
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get("/")["Location"].startswith("/accounts/login/")
    assert kinds() == ["signed_in", "signed_out"]
    line = AccessLog.objects.earliest("id")
    assert (line.by, line.address) == (user, "127.0.0.1")
    assert line.request_id


@pytest.mark.usefixtures("one_factor")
def test_after_five_wrong_passwords_the_right_one_is_refused_too_until_some_minutes_have_passed(client, clock):
    user = make_user(Role.DPO, password=PASSWORD)
    for _ in range(5):
        assert sign_in(client, user, "wrong " + PASSWORD).status_code == 200
    assert sign_in(client, user).status_code == 200
    assert "_auth_user_id" not in client.session
    assert kinds() == ["sign_in_failed"] * 5
    clock.shift(timedelta(minutes=6))
    assert sign_in(client, user).status_code == 302


@pytest.mark.usefixtures("one_factor")
def test_wrong_passwords_for_one_account_leave_another_open(client):
    target, other = make_user(password=PASSWORD), make_user(password=PASSWORD)
    for _ in range(6):
        sign_in(client, target, "wrong " + PASSWORD)
    assert sign_in(client, other).status_code == 302


def test_an_unknown_address_and_a_wrong_password_get_the_same_words(client):
    user = make_user(password=PASSWORD)
    words = []
    for email in (user.email, "nobody@example.org"):
        page = client.post("/accounts/login/", {"login": email, "password": "wrong " + PASSWORD}).content.decode()
        words.append(re.findall(r'class="nhsuk-error-message"[^>]*>(.*?)</', page, re.S))
    assert words[0] == words[1]
    assert "_auth_user_id" not in client.session


def test_a_failed_sign_in_names_nobody_in_the_access_log(client):
    user = make_user(password=PASSWORD)
    sign_in(client, user, "wrong " + PASSWORD)
    line = AccessLog.objects.get()
    assert (line.kind, line.by, line.about_user, line.detail) == ("sign_in_failed", None, None, {})


def test_an_account_that_is_switched_off_cannot_sign_in(client):
    sign_in(client, make_user(password=PASSWORD, is_active=False))
    assert "_auth_user_id" not in client.session


@pytest.mark.usefixtures("one_factor")
def test_nobody_is_sent_to_another_site_after_signing_in(client):
    user = make_user(Role.DPO, password=PASSWORD)
    assert "example.com" not in sign_in(client, user, next="https://example.com/")["Location"]


@pytest.mark.parametrize("name", ["account_signup", "account_email", "account_confirm_email", "mfa_signup_webauthn"])
def test_there_is_no_page_to_sign_up_or_to_change_an_address(client, name):
    with pytest.raises(NoReverseMatch):
        reverse(name)


@pytest.mark.parametrize("path", ["/accounts/signup/", "/accounts/email/", "/admin/", "/accounts/2fa/signup/"])
def test_a_guessed_address_of_a_page_that_is_not_kept_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_a_letter_asked_for_by_anyone_tells_nothing_and_only_one_with_an_account_gets_it(client):
    user = make_user(password=PASSWORD)
    answers = [
        client.post("/accounts/password/reset/", {"email": email}) for email in (user.email, "nobody@example.org")
    ]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, "/accounts/password/reset/done/")}
    assert list(Message.objects.values_list("kind", "recipient_user")) == [("password_reset", user.pk)]


# --- Invitation ----------------------------------------------------------------------------------------------------------


def open_letter(client, user):
    key = default_token_generator.make_token(user)
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})
    return path, client.get(path, follow=True)


def test_an_invited_person_chooses_a_password_once_and_has_joined(client):
    admin = make_user(Role.ADMINISTRATOR)
    user = users.invite(email="new@example.org", name="New Person", by=admin, now=NOON)
    link, page = open_letter(client, user)
    assert "Welcome to Alongside" in page.content.decode()
    assert default_token_generator.make_token(user) not in page.redirect_chain[-1][0]
    answer = client.post(page.redirect_chain[-1][0], {"password1": PASSWORD, "password2": PASSWORD})
    assert answer["Location"] == "/accounts/password/reset/key/done/"
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert user.joined_at is not None
    assert AccessLog.objects.latest("id").detail == {"what": "joined"}
    assert "_auth_user_id" not in client.session
    assert "too old" in Client().get(link, follow=True).content.decode()


def test_whoever_joined_by_her_letter_can_set_up_the_second_factor_that_is_asked_of_her(client, clock):
    admin = make_user(Role.ADMINISTRATOR)
    user = users.invite(email="new@example.org", name="New Person", by=admin, now=NOON)
    roles.grant(user=user, role=Role.DPO, by=admin, now=NOON)
    _link, page = open_letter(client, user)
    client.post(page.redirect_chain[-1][0], {"password1": PASSWORD, "password2": PASSWORD})
    assert sign_in(client, user).status_code == 302
    assert client.get("/")["Location"] == "/accounts/2fa/"
    prove(client, clock)
    for path in ("/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/"):
        assert client.get(path).status_code == 200, path
    code = code_for(client.session["mfa.totp.secret"])
    with clock_callbacks():
        client.post("/accounts/2fa/totp/activate/", {"code": code})
    assert client.get("/")["Location"] == "/access-log/"


def test_a_weak_password_is_refused_beside_its_field(client):
    user = users.invite(email="new@example.org", name="New Person", by=make_user(), now=NOON)
    _link, page = open_letter(client, user)
    answer = client.post(page.redirect_chain[-1][0], {"password1": "short", "password2": "short"})
    assert answer.status_code == 200
    assert "nhsuk-error-message" in answer.content.decode()
    user.refresh_from_db()
    assert (user.has_usable_password(), user.joined_at) == (False, None)


def test_one_who_has_joined_is_asked_for_a_new_password_and_joins_no_second_time(client):
    user = make_user(password="an old invented password", now=NOON)
    _link, page = open_letter(client, user)
    assert "Welcome" not in page.content.decode()
    client.post(page.redirect_chain[-1][0], {"password1": PASSWORD, "password2": PASSWORD})
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert user.joined_at == NOON
    assert AccessLog.objects.latest("id").detail == {"what": "password_reset"}


# --- Second factor -------------------------------------------------------------------------------------------------------


def test_without_a_second_factor_nothing_opens_but_the_page_to_set_one_up(client, settings):
    assert settings.SECOND_FACTOR_REQUIRED
    user = make_user(Role.ADMINISTRATOR, password=PASSWORD)
    sign_in(client, user)
    for path in ("/", "/users/", "/localities/"):
        assert client.get(path)["Location"] == "/accounts/2fa/", path
    assert client.post("/localities/new/", {"name": "Riverside", "is_active": "on"})["Location"] == "/accounts/2fa/"
    assert not Locality.objects.exists()
    assert client.get("/accounts/2fa/").status_code == 200


def test_recovery_codes_alone_are_no_second_factor(client):
    user = make_user(Role.ADMINISTRATOR, password=PASSWORD)
    RecoveryCodes.activate(user)
    sign_in(client, user)
    assert client.get("/users/")["Location"] == "/accounts/2fa/"


def test_a_person_sets_up_an_app_and_then_needs_its_code_at_each_sign_in(client, clock):
    user = make_user(Role.ADMINISTRATOR, password=PASSWORD)
    sign_in(client, user)
    page = client.get("/accounts/2fa/totp/activate/", follow=True)
    assert page.redirect_chain[-1][0].startswith("/accounts/reauthenticate/")
    client.post(page.redirect_chain[-1][0], {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/")
    secret = client.session["mfa.totp.secret"]
    assert secret in unescape(page.content.decode())

    assert client.post("/accounts/2fa/totp/activate/", {"code": "000000"}).status_code == 200
    assert client.get("/users/")["Location"] == "/accounts/2fa/"
    with clock_callbacks():
        assert client.post("/accounts/2fa/totp/activate/", {"code": code_for(secret)}).status_code == 302
    assert client.get("/users/").status_code == 200
    assert "second_factor_changed" in kinds()

    client.post("/accounts/logout/")
    clock.shift(timedelta(minutes=5))
    assert sign_in(client, user)["Location"].startswith("/accounts/2fa/authenticate/")
    assert client.get("/users/")["Location"].startswith("/accounts/login/")
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert client.get("/users/")["Location"].startswith("/accounts/login/")
    assert client.post("/accounts/2fa/authenticate/", {"code": code_for(secret)}).status_code == 302
    assert client.get("/users/").status_code == 200


def clock_callbacks():
    """Run what waits for a commit: the test's own transaction never commits."""
    return TestCase.captureOnCommitCallbacks(execute=True)


def test_a_code_works_once(client, clock):
    user = with_app(make_user(Role.ADMINISTRATOR, password=PASSWORD))
    code = code_for(SECRET)
    for browser, status in ((client, 200), (Client(), 302)):
        sign_in(browser, user)
        browser.post("/accounts/2fa/authenticate/", {"code": code})
        assert browser.get("/users/").status_code == status


def test_wrong_codes_are_counted_and_logged(client, clock):
    user = with_app(make_user(Role.ADMINISTRATOR, password=PASSWORD))
    sign_in(client, user)
    for _ in range(6):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    client.post("/accounts/2fa/authenticate/", {"code": code_for(SECRET)})
    assert "_auth_user_id" not in client.session
    assert set(kinds()) == {"sign_in_failed"}


def test_a_session_opened_with_the_password_alone_ends_when_its_owner_adds_a_second_factor(client, clock):
    user = make_user(Role.ADMINISTRATOR, password=PASSWORD)
    stranger = Client()
    sign_in(stranger, user)
    sign_in(client, user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get("/accounts/2fa/totp/activate/")
    with clock_callbacks():
        client.post("/accounts/2fa/totp/activate/", {"code": code_for(client.session["mfa.totp.secret"])})
    assert client.get("/users/").status_code == 200
    assert stranger.get("/users/")["Location"].startswith("/accounts/login/")


def with_app(user):
    TOTP.activate(user, SECRET)
    return user


# --- A session locks, and ends -------------------------------------------------------------------------------------------


@pytest.fixture
def dpo(client, one_factor, clock):
    user = make_user(Role.DPO, password=PASSWORD)
    sign_in(client, user)
    assert client.get("/access-log/").status_code == 200
    return user


def test_a_session_in_use_stays_open(client, dpo, clock):
    for _ in range(4):
        clock.shift(timedelta(minutes=25))
        assert client.get("/access-log/").status_code == 200


def test_thirty_quiet_minutes_lock_a_session_and_the_password_opens_it_where_it_was(client, dpo, clock):
    clock.shift(timedelta(minutes=31))
    assert client.get("/access-log/")["Location"] == "/accounts/unlock/?next=/access-log/"
    page = client.get("/accounts/unlock/?next=/access-log/")
    way = unescape(re.search(r'href="(/accounts/reauthenticate/[^"]*)"', page.content.decode()).group(1))
    assert client.get("/access-log/").status_code == 302
    assert client.post(way, {"password": "wrong " + PASSWORD}).status_code == 200
    assert client.get("/access-log/").status_code == 302
    clock.shift(timedelta(seconds=5))
    answer = client.get(way)
    hidden = unescape(re.search(r'name="next"[^>]*value="([^"]*)"', answer.content.decode()).group(1))
    answer = client.post(way, {"password": PASSWORD, "next": hidden}, follow=True)
    assert answer.redirect_chain[-1][0] == "/access-log/"
    assert answer.status_code == 200


def test_a_session_locks_also_where_no_page_followed_the_sign_in(client, one_factor, clock):
    sign_in(client, make_user(Role.DPO, password=PASSWORD))
    clock.shift(timedelta(minutes=31))
    assert client.get("/access-log/")["Location"].startswith("/accounts/unlock/")


def test_a_proof_given_before_the_lock_does_not_open_it(client, dpo, clock):
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    clock.shift(timedelta(minutes=31))
    client.get("/access-log/")
    assert client.get("/accounts/unlock/").status_code == 200
    assert client.get("/access-log/").status_code == 302


def test_a_locked_session_reaches_no_other_page_of_the_account(client, dpo, clock):
    clock.shift(timedelta(minutes=31))
    for path in ("/accounts/2fa/", "/accounts/password/change/", "/accounts/sessions/", "/accounts/kept-form/", "/"):
        assert client.get(path)["Location"].startswith("/accounts/unlock/"), path


def test_a_locked_session_can_be_signed_out(client, dpo, clock):
    clock.shift(timedelta(minutes=31))
    client.get("/")
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session


def test_a_locked_session_may_be_opened_with_the_code_of_the_app(client, dpo, clock):
    with_app(dpo)
    clock.shift(timedelta(minutes=31))
    client.get("/")
    clock.shift(timedelta(seconds=5))
    client.post("/accounts/2fa/reauthenticate/", {"code": code_for(SECRET)})
    client.get("/accounts/unlock/")
    assert client.get("/access-log/").status_code == 200


def test_tries_to_open_a_locked_session_are_counted(client, dpo, clock):
    clock.shift(timedelta(minutes=31))
    client.get("/")
    for _ in range(11):
        client.post("/accounts/reauthenticate/", {"password": "wrong " + PASSWORD})
    prove(client, clock)
    client.get("/accounts/unlock/")
    assert client.get("/access-log/").status_code == 302


def test_unlocking_sends_nobody_to_another_site(client, dpo):
    for wanted in ("https://example.com/", "//example.com/", "javascript:alert(1)"):
        assert client.get("/accounts/unlock/", {"next": wanted})["Location"] == "/"


def test_twelve_hours_end_a_session_however_busy_it_was(client, dpo, clock):
    for _ in range(36):
        clock.shift(timedelta(minutes=20))
        assert client.get("/access-log/").status_code == 200
    clock.shift(timedelta(minutes=1))
    assert client.get("/access-log/")["Location"] == "/accounts/login/?next=/access-log/"
    assert "_auth_user_id" not in client.session


def test_one_tap_ends_all_other_sessions(client, dpo):
    other = Client()
    sign_in(other, dpo)
    assert other.get("/access-log/").status_code == 200
    client.post("/accounts/sessions/")
    assert other.get("/access-log/").status_code == 302


def test_personal_pages_are_kept_by_no_cache(client, dpo):
    assert client.get("/access-log/")["Cache-Control"] == "no-store, private"


# --- A form that waits for its owner ---------------------------------------------------------------------------------------


@pytest.fixture
def admin(client, one_factor, clock):
    user = make_user(Role.ADMINISTRATOR, password=PASSWORD)
    sign_in(client, user)
    return user


TYPED = {"name": 'Hill & "Dale"', "is_active": "on"}


def send_kept(client):
    """Send on the form that the page holds, as a browser without JavaScript would."""
    html = client.get("/accounts/kept-form/").content.decode()
    action = unescape(
        re.search(r'<form method="post" action="([^"]+)"[^>]*>\s*(?:(?!</form>).)*kept_form', html, re.S)[1]
    )
    form = re.search(rf'action="{re.escape(action)}".*?</form>', html, re.S).group(0)
    fields = {
        unescape(name): unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    }
    return client.post(action, fields)


def test_a_form_sent_to_a_locked_session_is_shown_again_after_unlocking_and_can_be_sent(client, admin, clock):
    client.get("/localities/new/")
    clock.shift(timedelta(minutes=31))
    assert client.post("/localities/new/", TYPED)["Location"] == "/accounts/unlock/?next=/"
    assert not Locality.objects.exists()
    prove(client, clock)
    assert client.get("/accounts/unlock/")["Location"] == "/accounts/kept-form/"
    assert "We kept what you typed" in client.get("/accounts/kept-form/").content.decode()
    assert send_kept(client).status_code == 302
    assert Locality.objects.get().name == TYPED["name"]
    assert client.get("/accounts/kept-form/")["Location"] == "/"


def test_a_form_sent_after_twelve_hours_is_shown_to_the_same_person_after_a_fresh_sign_in(client, admin, clock):
    owner = owner_in(client.get("/localities/new/").content.decode())
    clock.shift(timedelta(hours=12, minutes=1))
    assert client.post("/localities/new/", TYPED | {"form_owner": owner})["Location"] == "/accounts/login/?next=/"
    assert client.get(sign_in(client, admin)["Location"])["Location"] == "/accounts/kept-form/"
    send_kept(client)
    assert Locality.objects.get().name == TYPED["name"]


def test_a_form_sent_after_signing_out_is_shown_to_the_same_person_after_a_fresh_sign_in(client, admin):
    owner = owner_in(client.get("/localities/new/").content.decode())
    client.post("/accounts/logout/")
    answer = client.post("/localities/new/", TYPED | {"form_owner": owner})
    assert answer["Location"] == "/accounts/login/?next=/"
    sign_in(client, admin)
    assert client.get("/")["Location"] == "/accounts/kept-form/"
    send_kept(client)
    assert Locality.objects.get().name == TYPED["name"]


def test_a_kept_form_is_never_shown_to_anyone_else_and_is_gone_then(client, admin):
    owner = owner_in(client.get("/localities/new/").content.decode())
    client.post("/accounts/logout/")
    client.post("/localities/new/", TYPED | {"form_owner": owner})
    sign_in(client, make_user(Role.ADMINISTRATOR, password=PASSWORD))
    page = client.get("/accounts/kept-form/", follow=True)
    assert "Dale" not in page.content.decode()
    assert "kept_form" not in client.session
    client.post("/accounts/logout/")
    sign_in(client, admin)
    assert client.get("/")["Location"] == "/users/"


@pytest.mark.parametrize("owner", ["", "1", "MQ:forged:forged"])
def test_a_form_whose_owner_cannot_be_proved_is_not_kept(client, owner):
    client.post("/localities/new/", TYPED | {"form_owner": owner})
    assert "kept_form" not in client.session


def test_a_form_can_be_thrown_away(client, admin, clock):
    clock.shift(timedelta(minutes=31))
    client.post("/localities/new/", TYPED)
    prove(client, clock)
    client.get("/accounts/unlock/")
    client.post("/accounts/kept-form/")
    assert client.get("/accounts/kept-form/")["Location"] == "/"
    assert not Locality.objects.exists()


def test_a_password_typed_into_a_locked_session_is_not_kept(client, admin, clock):
    clock.shift(timedelta(minutes=31))
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": "x", "password2": "x"})
    client.post("/localities/new/", TYPED | {"password": PASSWORD})
    kept = client.session["kept_form"]
    assert kept["path"] == "/localities/new/"
    assert PASSWORD not in str(kept)


def test_a_form_too_large_to_keep_is_not_kept(client, admin, clock):
    clock.shift(timedelta(minutes=31))
    client.post("/localities/new/", {"name": "x" * 70_000})
    assert "kept_form" not in client.session
