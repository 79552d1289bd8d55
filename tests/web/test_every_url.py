"""Every URL, every role, reading and writing: the table below is the whole of it, and equals the URLconf."""

from uuid import uuid4

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

import mentoring.rules.permissions
import people.rules.permissions
from people.rules.permissions import Permission
from people.rules.roles import Role
from tests.factories import PASSWORD, make_lay_worker, make_midwife, make_user

pytestmark = pytest.mark.django_db

LAY, MID, LEAD = Role.LAY_WORKER, Role.MIDWIFE, Role.LEAD
ADMIN, DPO, COORDINATOR = Role.ADMINISTRATOR, Role.DPO, Role.COORDINATOR
EVERYONE = frozenset(Role) - {Role.UNBLINDED}
CODE = {"programme_code": "M-NOBODY"}
ENTRY = CODE | {"client_id": str(uuid4())}

# URL name -> (who may, arguments of a row that is not there). Whoever may gets past the guard: 404 for the row, 200 or
# 302 for a page, 405 for a method that the page does not have. Others get 403, an assessor 404, a stranger the sign-in.
TABLE = {
    "access-log": ({DPO}, {}),
    "alert-detail": ({MID, LEAD}, {"pk": 999}),
    "appointment-agree": ({LAY, MID}, CODE),
    "appointment-call-off": ({LAY, MID}, CODE | {"pk": 999}),
    "awaiting": ({MID}, {}),
    "birth-record": ({LAY, MID}, CODE),
    "calendar": ({LAY, MID, LEAD}, {}),
    "caseload": ({MID}, {}),
    "contact-correct": ({LAY}, ENTRY),
    "contact-log": ({LAY}, CODE),
    "contact-urgent": ({LAY}, CODE | {"kind": "today"}),
    "contact-void": ({LAY}, ENTRY),
    "cover-arrange": ({MID}, CODE),
    "cover-arrange-all": ({MID}, {"pk": 999}),
    "cover-cancel": ({MID}, {"pk": 999}),
    "due-date-change": ({LAY, MID}, CODE),
    "duty-detail": ({MID}, {"pk": 999}),
    "export-new": ({COORDINATOR}, {}),
    "help": (EVERYONE, {}),
    "home": (EVERYONE, {}),
    "import-detail": ({MID, LEAD}, {"reference": str(uuid4())}),
    "import-new": ({MID, LEAD}, {}),
    "kept-form": (EVERYONE, {}),
    "jobs": ({ADMIN}, {}),
    "late-log": ({LAY}, {}),
    "lay-worker-detail": ({MID}, {"pk": 999}),
    "locality-edit": ({ADMIN}, {"pk": 999}),
    "locality-list": ({ADMIN}, {}),
    "locality-new": ({ADMIN}, {}),
    "loss-find": ({COORDINATOR}, {}),
    "loss-record": ({LAY, MID, COORDINATOR}, CODE),
    "loss-undo": ({MID}, CODE | {"pk": 999}),
    "mailbox": ({LAY, MID, LEAD, ADMIN}, {}),
    "message-list": ({LAY, MID, LEAD}, {}),
    "mother-detail": ({LAY, MID, LEAD}, CODE),
    "mother-pairings": ({MID}, CODE),
    "mother-register": ({MID}, {}),
    "pair": ({MID}, CODE),
    "pairing-end": ({MID}, {"pk": 999}),
    "plan-change": ({LAY, MID}, CODE),
    "protocol": ({LEAD}, {}),
    "quiet-day-add": ({LAY, MID, LEAD}, {}),
    "quiet-day-end": ({LAY, MID, LEAD}, {"pk": 999}),
    "request-record": ({MID}, CODE),
    "rota": ({MID, LEAD}, {}),
    "rota-withdraw": ({LEAD}, {"pk": 999}),
    "safe-contact-renew": ({MID}, CODE),
    "staff-list": ({ADMIN}, {}),
    "staff-lay-worker-edit": ({ADMIN}, {"pk": 999}),
    "staff-lay-worker-new": ({ADMIN}, {}),
    "staff-midwife-new": ({ADMIN}, {}),
    "stuck-message-act": ({ADMIN}, {"pk": 999, "act": "dismiss"}),
    "stuck-messages": ({ADMIN}, {}),
    "support-start": ({MID}, CODE),
    "today": ({LAY}, {}),
    "user-act": ({ADMIN}, {"pk": 999, "act": "end"}),
    "user-detail": ({ADMIN}, {"pk": 999}),
    "user-invite": ({ADMIN}, {}),
    "user-list": ({ADMIN}, {}),
    "visit-begin": ({LAY}, CODE),
    "visit-detail": ({LAY}, {"client_id": str(uuid4())}),
    "wishes": ({LAY, MID, LEAD}, {}),
    "worklist": ({MID, LEAD}, {}),
    "worry-raise": ({LAY}, CODE),
}
# django-allauth's pages, which look after themselves, and the page that a locked session sees.
KEPT = {
    "account_change_password", "account_inactive", "account_login", "account_logout", "account_reauthenticate",
    "account_reset_password", "account_reset_password_done", "account_reset_password_from_key",
    "account_reset_password_from_key_done", "mfa_activate_totp", "mfa_add_webauthn", "mfa_authenticate",
    "mfa_deactivate_totp", "mfa_download_recovery_codes", "mfa_edit_webauthn", "mfa_generate_recovery_codes",
    "mfa_index", "mfa_list_webauthn", "mfa_reauthenticate", "mfa_reauthenticate_webauthn", "mfa_remove_webauthn",
    "mfa_view_recovery_codes", "unlock", "usersessions_list",
}  # fmt: skip
# What machines post to, each proving itself by a token or a signature: nobody signs in there (test_callbacks.py).
MACHINES = {
    "notify-inbound": {},
    "notify-receipt": {},
    "twilio-inbound": {},
    "twilio-receipt": {"reference": str(uuid4())},
}

# Asked by machines without a sign-in: each says nothing of a person, or proves the caller by itself.
OPEN_TO_MACHINES = {"calendar-feed", "health", "health-jobs", "health-live", "health-ready", "metrics"}


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.SECOND_FACTOR_REQUIRED = False


def urlpatterns(resolver=None):
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from urlpatterns(entry)
        elif isinstance(entry, URLPattern):
            yield entry


def person(role):
    if role is LAY:
        return make_lay_worker().user
    if role is MID:
        return make_midwife().user
    return make_user(role)


def test_the_table_is_the_urlconf():
    assert sorted(entry.name for entry in urlpatterns()) == sorted([*TABLE, *KEPT, *MACHINES, *OPEN_TO_MACHINES])


def test_the_machines_are_those_listed_and_no_others():
    assert {entry.name for entry in urlpatterns() if hasattr(entry.callback, "machine")} == {
        *MACHINES,
        *OPEN_TO_MACHINES,
    }


@pytest.mark.parametrize("role", [None, *sorted(EVERYONE)])
@pytest.mark.parametrize("name", sorted(MACHINES))
def test_nobody_gets_past_the_guard_of_a_machine_by_being_signed_in(client, settings, role, name):
    settings.SECOND_FACTOR_REQUIRED = True
    settings.NOTIFY_CALLBACK_TOKEN = settings.TWILIO_AUTH_TOKEN = ""
    if role is not None:
        settings.SECOND_FACTOR_REQUIRED = False
        client.force_login(person(role))
    address = reverse(name, kwargs=MACHINES[name])
    assert client.post(address).status_code == 403
    for method in ("get", "head", "put", "delete"):
        assert getattr(client, method)(address).status_code == 405, method


def test_each_view_asks_for_the_rights_of_the_table_and_no_others():
    """The unblinded right lets in nobody by itself, so no sign-in below could show that it was added to a page."""
    for entry in urlpatterns():
        if entry.name in TABLE:
            roles = set(entry.callback.permission.roles)
            wanted = set(TABLE[entry.name][0])
            assert roles == (set(Role) if wanted == EVERYONE else wanted), entry.name


def test_every_permission_opens_a_page():
    asked = {entry.callback.permission for entry in urlpatterns() if entry.name in TABLE}
    named = {
        value
        for module in (people.rules.permissions, mentoring.rules.permissions)
        for value in vars(module).values()
        if isinstance(value, Permission)
    }
    assert named == asked
    assert len({permission.name for permission in named}) == len(named)


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
@pytest.mark.parametrize("role", sorted(EVERYONE))
def test_each_url_lets_in_those_it_names_and_nobody_else(client, role, method):
    client.force_login(person(role))
    for name, (roles, arguments) in TABLE.items():
        status = getattr(client, method)(reverse(name, kwargs=arguments)).status_code
        if role in roles:
            allowed = {200, 302, 404, 405} if method in {"get", "post"} else {404, 405}
            assert status in allowed, f"{method} {name} as {role}: {status}"
        else:
            expected = 404 if role is Role.ASSESSOR else 403
            assert status == expected, f"{method} {name} as {role}: {status}"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_is_sent_to_the_sign_in_from_every_page(client, method):
    for name, (_roles, arguments) in TABLE.items():
        answer = getattr(client, method)(reverse(name, kwargs=arguments))
        assert answer.status_code == 302, name
        assert answer["Location"].startswith("/accounts/login/"), name


@pytest.mark.parametrize("name", sorted(KEPT - {"unlock"}))
def test_the_kept_pages_of_the_door_do_not_fail(client, name):
    arguments = {}
    if "from_key" in name and "done" not in name:
        arguments = {"uidb36": "1", "key": "not-a-key"}
    elif name in {"mfa_edit_webauthn", "mfa_remove_webauthn"}:
        arguments = {"pk": 999}
    for user in (None, make_user(Role.LEAD, password=PASSWORD)):
        if user is not None:
            client.force_login(user)
        assert client.get(reverse(name, kwargs=arguments)).status_code in {200, 302, 403, 404, 405}


@pytest.mark.parametrize(
    "address", ["/caseload/?search=%00", "/caseload/?after=%00|A", "/mothers/M-%00/", "/?next=%00"]
)
def test_an_address_with_a_nul_in_it_is_a_bad_request_and_no_failure_of_the_database(client, address):
    client.force_login(person(MID))
    assert client.get(address).status_code == 400
