"""The administrator's pages and the access log, through the real client: each shows a refusal beside its field."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from outbox.models import Message
from people.models import AccessLog, Locality, User
from people.rules.roles import Role
from people.services import log, roles
from tests.conftest import NOW
from tests.factories import make_locality, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_factor(settings):
    settings.SECOND_FACTOR_REQUIRED = False


@pytest.fixture
def admin(client):
    user = make_user(Role.ADMINISTRATOR, name="Ann Administrator")
    client.force_login(user)
    return user


@pytest.fixture
def dpo(client):
    user = make_user(Role.DPO, name="Dee Protection")
    client.force_login(user)
    return user


def text(answer):
    return answer.content.decode()


def act(client, user, what, **fields):
    return client.post(f"/users/{user.pk}/{what}/", fields, follow=True)


# --- Where each lands ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "path"),
    [
        (Role.LAY_WORKER, "/today/"),
        (Role.MIDWIFE, "/caseload/"),
        (Role.COORDINATOR, "/trial/exports/"),
        (Role.LEAD, "/protocol/"),
        (Role.ADMINISTRATOR, "/users/"),
        (Role.DPO, "/access-log/"),
    ],
)
def test_each_lands_on_the_first_page_of_her_work(client, role, path):
    client.force_login(make_user(role))
    assert client.get("/")["Location"] == path


@pytest.mark.parametrize("role", [Role.RECRUITER, Role.STATISTICIAN, Role.ASSESSOR])
def test_those_whose_pages_are_not_built_are_told_so_and_nothing_else(client, role):
    client.force_login(make_user(role))
    assert "not part of this version yet" in text(client.get("/"))


def test_one_without_any_right_sees_nothing(client):
    client.force_login(make_user())
    assert client.get("/").status_code == 403


# --- People ----------------------------------------------------------------------------------------------------------------


def test_an_administrator_invites_a_person_and_gives_her_a_right(client, admin):
    answer = client.post("/users/invite/", {"name": "New Person", "email": "new@example.org"}, follow=True)
    user = User.objects.get(email="new@example.org")
    assert answer.redirect_chain == [(f"/users/{user.pk}/", 302)]
    assert "No right yet" in text(answer)
    assert Message.objects.get(recipient_user=user).kind == "invitation"
    client.post(f"/users/{user.pk}/", {"role": "lead"})
    assert user.role_grants.get().role == "lead"


@pytest.mark.parametrize(
    ("fields", "control"),
    [
        ({"name": "", "email": "new@example.org"}, "id_name"),
        ({"name": "New", "email": "no address"}, "id_email"),
        ({"name": "New", "email": "TAKEN@example.org"}, "id_email"),
    ],
)
def test_an_invitation_that_cannot_be_sent_keeps_what_was_typed_and_says_why_beside_the_field(
    client, admin, fields, control
):
    make_user(email="taken@example.org")
    before = User.objects.count()
    page = text(client.post("/users/invite/", fields))
    assert f'href="#{control}"' in page
    assert f'id="{control}-error"' in page
    assert all(value in page for value in fields.values())
    assert User.objects.count() == before


def test_a_double_click_on_invite_makes_one_account_and_one_letter(client, admin):
    for _ in range(2):
        client.post("/users/invite/", {"name": "New Person", "email": "new@example.org"})
    assert User.objects.filter(email="new@example.org").count() == 1
    assert Message.objects.count() == 1


def test_a_right_she_may_not_hold_is_refused_in_words_beside_the_field(client, admin):
    user = make_user(Role.MIDWIFE)
    page = text(client.post(f"/users/{user.pk}/", {"role": "assessor"}))
    assert "must never have held another right" in page
    assert 'id="id_role-error"' in page
    assert user.role_grants.count() == 1


def test_a_made_up_right_is_refused(client, admin):
    user = make_user()
    assert client.post(f"/users/{user.pk}/", {"role": "superuser"}).status_code == 200
    assert not user.role_grants.exists()


def test_an_administrator_cannot_change_her_own_rights(client, admin):
    page = text(client.get(f"/users/{admin.pk}/"))
    assert "Give this right" not in page
    assert "another administrator changes your rights" in page
    client.post(f"/users/{admin.pk}/", {"role": "dpo"})
    act(client, admin, "end", grant=admin.role_grants.get().pk)
    act(client, admin, "switch-off")
    admin.refresh_from_db()
    assert admin.is_active
    assert [grant.role for grant in admin.role_grants.filter(ended_at=None)] == ["administrator"]


def test_a_right_that_waits_is_agreed_to_by_another_administrator_and_not_by_the_giver(client, admin):
    user, other = make_user(), make_user(Role.ADMINISTRATOR)
    client.post(f"/users/{user.pk}/", {"role": "coordinator"})
    grant = user.role_grants.get()
    page = text(client.get(f"/users/{user.pk}/"))
    assert "Waits for a second administrator" in page
    assert "Agree to" not in page
    assert "A second administrator must agree" in text(act(client, user, "second", grant=grant.pk))
    client.force_login(other)
    assert "Agree to: Trial coordinator" in text(client.get(f"/users/{user.pk}/"))
    act(client, user, "second", grant=grant.pk)
    grant.refresh_from_db()
    assert grant.seconded_by == other


def test_a_grant_is_reached_only_through_its_own_user(client, admin):
    hers, other = make_user(), make_user(Role.LEAD)
    grant = other.role_grants.get()
    assert client.post(f"/users/{hers.pk}/end/", {"grant": grant.pk}).status_code == 404
    grant.refresh_from_db()
    assert grant.ended_at is None


@pytest.mark.parametrize("grant", ["", "x", "²", "9" * 40, "-1"])
def test_a_grant_that_is_none_is_not_found(client, admin, grant):
    assert client.post(f"/users/{make_user().pk}/end/", {"grant": grant}).status_code == 404


def test_an_act_that_is_none_is_not_found(client, admin):
    assert client.post(f"/users/{make_user().pk}/promote/").status_code == 404


def test_an_account_is_switched_off_and_on_again(client, admin):
    user = make_user()
    assert "switched off" in text(act(client, user, "switch-off"))
    user.refresh_from_db()
    assert not user.is_active
    act(client, user, "switch-on")
    user.refresh_from_db()
    assert user.is_active


def test_an_invitation_is_sent_again_only_to_one_without_a_password(client, admin):
    waiting, joined = make_user(), make_user(password="an invented password")
    act(client, waiting, "invite-again")
    assert "chosen a password already" in text(act(client, joined, "invite-again"))
    assert [message.recipient_user for message in Message.objects.all()] == [waiting]


def test_people_are_found_by_name_or_address(client, admin):
    make_user(name="Rose Thorn", email="first@example.org")
    make_user(name="Lily Pond", email="second@example.org")
    for search in ("rose", "FIRST@"):
        page = text(client.get("/users/", {"search": search}))
        assert "Rose Thorn" in page
        assert "Lily Pond" not in page
    assert "Nobody found" in text(client.get("/users/", {"search": "nobody"}))


def test_a_right_nobody_agreed_to_yet_is_shown_as_such_in_the_list(client, admin):
    user = make_user()
    roles.grant(user=user, role=Role.RECRUITER, by=admin, now=NOW)
    assert "Recruiter (not agreed yet)" in text(client.get("/users/"))


def test_pages_of_people_follow_one_another_without_a_gap_and_without_an_address_in_the_link(client, admin):
    everyone = {make_user(name=f"Number {number:03}").name for number in range(120)} | {admin.name}
    seen, path, pages = set(), "/users/", 0
    while path:
        answer = client.get(path)
        names = [row["name"] for row in answer.context["rows"]]
        assert not seen & set(names)
        seen |= set(names)
        pages += 1
        following = answer.context["next_after"]
        assert "@" not in str(following or "")
        path = f"/users/?after={following}" if following else None
    assert (seen, pages) == (everyone, 3)


@pytest.mark.parametrize("path", ["/users/", "/access-log/"])
def test_a_page_of_a_list_takes_as_many_queries_at_one_row_as_at_twenty(client, path):
    reader = make_user(Role.ADMINISTRATOR, Role.DPO)
    client.force_login(reader)
    # The first page after a sign-in writes when the session was seen.
    client.get(path)
    counts = []
    for more in (1, 19):
        for _ in range(more):
            roles.grant(user=make_user(), role=Role.LEAD, by=reader, now=NOW)
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


# --- Localities ------------------------------------------------------------------------------------------------------------


def test_a_locality_is_added_changed_and_set_aside(client, admin):
    assert client.post("/localities/new/", {"name": " North   Side ", "is_active": "on"}).status_code == 302
    locality = Locality.objects.get()
    assert (locality.name, locality.is_active) == ("North Side", True)
    client.post(f"/localities/{locality.pk}/", {"name": "North side"})
    locality.refresh_from_db()
    assert (locality.name, locality.is_active) == ("North side", False)
    assert "not in use" in text(client.get("/localities/"))


def test_two_localities_of_one_name_are_refused_beside_the_field(client, admin):
    make_locality("Riverside")
    page = text(client.post("/localities/new/", {"name": "RIVERSIDE", "is_active": "on"}))
    assert 'id="id_name-error"' in page
    assert Locality.objects.count() == 1


# --- The access log --------------------------------------------------------------------------------------------------------


def write(by, kind="contact_details_read", **fields):
    return log.write(kind=kind, by=by, now=fields.pop("now", NOW), **fields)


def shown(client, **query):
    return [row.pk for row in client.get("/access-log/", query).context["rows"]]


def test_the_log_is_read_by_kind_by_user_and_by_person(client, dpo):
    AccessLog.objects.all()
    midwife, other = make_user(Role.MIDWIFE), make_user()
    read = write(midwife, about_person_id=71)
    changed = write(other, kind="role_changed", about_user=midwife)
    elsewhere = write(other, about_person_id=72)
    assert shown(client, kind="role_changed") == [changed.pk]
    assert set(shown(client, who=midwife.pk)) == {read.pk, changed.pk}
    assert shown(client, about=72) == [elsewhere.pk]
    assert shown(client, about=71, who=other.pk) == []
    assert {read.pk, changed.pk, elsewhere.pk} <= set(shown(client))


def test_the_filter_stays_chosen_on_the_next_page_and_no_line_is_skipped_or_shown_twice(client, dpo):
    midwife = make_user(Role.MIDWIFE)
    # Many at one instant: the page is cut by instant and key together.
    lines = [write(midwife, now=NOW + timedelta(seconds=number // 40)).pk for number in range(120)]
    write(dpo)
    query, seen = {"who": midwife.pk, "kind": "contact_details_read"}, []
    for _ in range(3):
        answer = client.get("/access-log/", query)
        seen += [row.pk for row in answer.context["rows"]]
        following = answer.context["next_before"]
        if following:
            assert f"who={midwife.pk}" in text(answer)
        query["before"] = following
    assert seen == sorted(lines, reverse=True)
    assert not following


@pytest.mark.parametrize("before", ["x", "2026-02-30T10:00:00+00:00_1", "2026-10-23T10:00:00_1", "2026-10-23_²", "_"])
def test_a_broken_link_shows_the_newest_lines(client, dpo, before):
    line = write(dpo, now=NOW + timedelta(days=999))
    assert shown(client, before=before, who="²", about="9" * 40)[0] == line.pk


def test_the_log_names_no_mother(client, dpo):
    write(dpo, about_person_id=71)
    page = text(client.get("/access-log/"))
    assert "person 71" in page
