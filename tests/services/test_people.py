"""Accounts and rights: who may give them, what is written, what ends, and two administrators at one moment."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.test import Client

from outbox.models import Message
from people.access import roles_of
from people.models import AccessLog, RoleGrant, User
from people.rules.roles import GrantRefused, Role
from people.services import roles, users
from people.services.users import AccountRefused
from tests.conftest import NOW
from tests.factories import PASSWORD, make_user
from tests.services.races import at_once

pytestmark = pytest.mark.django_db


def fresh_roles(user):
    return roles_of(User.objects.get(pk=user.pk))


def lines(kind):
    return list(AccessLog.objects.filter(kind=kind).order_by("id").values_list("by", "about_user", "detail"))


@pytest.fixture
def admin():
    return make_user(Role.ADMINISTRATOR)


def test_a_plain_right_counts_at_once_and_stands_in_the_access_log(admin):
    user = make_user()
    roles.grant(user=user, role=Role.MIDWIFE, by=admin, now=NOW)
    assert fresh_roles(user) == {Role.MIDWIFE}
    assert lines(AccessLog.Kind.ROLE_CHANGED) == [(admin.pk, user.pk, {"role": "midwife", "what": "granted"})]


def test_a_right_of_the_trial_counts_only_once_a_second_administrator_agrees(admin):
    user, other = make_user(), make_user(Role.ADMINISTRATOR)
    grant = roles.grant(user=user, role=Role.COORDINATOR, by=admin, now=NOW)
    assert fresh_roles(user) == frozenset()
    with pytest.raises(GrantRefused, match="needs_someone_else"):
        roles.second(grant=grant, by=admin, now=NOW)
    with pytest.raises(GrantRefused, match="own_right"):
        roles.second(grant=grant, by=user, now=NOW)
    assert fresh_roles(user) == frozenset()
    roles.second(grant=grant, by=other, now=NOW + timedelta(hours=1))
    assert fresh_roles(user) == {Role.COORDINATOR}
    assert [detail["what"] for _by, _about, detail in lines(AccessLog.Kind.ROLE_CHANGED)] == ["granted", "seconded"]


def test_agreeing_twice_is_agreeing_once(admin):
    user, other, third = make_user(), make_user(Role.ADMINISTRATOR), make_user(Role.ADMINISTRATOR)
    grant = roles.grant(user=user, role=Role.RECRUITER, by=admin, now=NOW)
    roles.second(grant=grant, by=other, now=NOW)
    roles.second(grant=grant, by=third, now=NOW + timedelta(hours=1))
    grant.refresh_from_db()
    assert (grant.seconded_by, grant.seconded_at) == (other, NOW)


def test_a_right_that_ended_before_anyone_agreed_is_not_brought_back_by_agreeing(admin):
    user, other = make_user(), make_user(Role.ADMINISTRATOR)
    grant = roles.grant(user=user, role=Role.RECRUITER, by=admin, now=NOW)
    roles.end(grant=grant, by=other, now=NOW)
    roles.second(grant=grant, by=other, now=NOW)
    assert fresh_roles(user) == frozenset()


def test_nobody_grants_herself_a_right_nor_ends_her_own(admin):
    with pytest.raises(GrantRefused, match="own_right"):
        roles.grant(user=admin, role=Role.DPO, by=admin, now=NOW)
    with pytest.raises(GrantRefused, match="own_right"):
        roles.end(grant=admin.role_grants.get(), by=admin, now=NOW)
    assert fresh_roles(admin) == {Role.ADMINISTRATOR}


def test_the_database_too_refuses_a_right_granted_to_oneself(admin):
    with pytest.raises(IntegrityError, match="nobody_grants_herself_a_right"):
        RoleGrant.objects.create(user=admin, role="dpo", granted_at=NOW, granted_by=admin)


def test_a_right_that_waits_already_bars_what_it_would_bar(admin):
    user = make_user()
    roles.grant(user=user, role=Role.ASSESSOR, by=admin, now=NOW)
    with pytest.raises(GrantRefused, match="was_an_assessor"):
        roles.grant(user=user, role=Role.MIDWIFE, by=admin, now=NOW)


def test_a_right_withdrawn_before_anyone_agreed_bars_nothing(admin):
    user, other = make_user(), make_user(Role.ADMINISTRATOR)
    mistaken = roles.grant(user=user, role=Role.ASSESSOR, by=admin, now=NOW)
    roles.end(grant=mistaken, by=other, now=NOW)
    roles.grant(user=user, role=Role.MIDWIFE, by=admin, now=NOW)
    assert fresh_roles(user) == {Role.MIDWIFE}


def test_an_assessor_whose_right_counted_is_barred_after_it_has_ended(admin):
    user, other = make_user(), make_user(Role.ADMINISTRATOR)
    grant = roles.grant(user=user, role=Role.ASSESSOR, by=admin, now=NOW)
    roles.second(grant=grant, by=other, now=NOW)
    roles.end(grant=grant, by=admin, now=NOW)
    with pytest.raises(GrantRefused, match="was_an_assessor"):
        roles.grant(user=user, role=Role.MIDWIFE, by=admin, now=NOW)


def test_an_ended_right_counts_no_more_and_may_be_given_again(admin):
    user = make_user()
    roles.end(grant=roles.grant(user=user, role=Role.LEAD, by=admin, now=NOW), by=admin, now=NOW)
    assert fresh_roles(user) == frozenset()
    roles.grant(user=user, role=Role.LEAD, by=admin, now=NOW + timedelta(days=1))
    assert fresh_roles(user) == {Role.LEAD}


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_give_one_right_at_one_moment_make_one_grant():
    one, other, user = make_user(Role.ADMINISTRATOR), make_user(Role.ADMINISTRATOR), make_user()
    results = at_once(*(lambda by=by: roles.grant(user=user, role=Role.MIDWIFE, by=by, now=NOW) for by in (one, other)))
    assert sorted(type(result).__name__ for result in results) == ["GrantRefused", "RoleGrant"]
    assert user.role_grants.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_rights_that_exclude_each_other_given_at_one_moment_make_one_grant():
    one, other = make_user(Role.ADMINISTRATOR), make_user(Role.ADMINISTRATOR)
    for _ in range(5):
        user = make_user()
        results = at_once(
            lambda user=user: roles.grant(user=user, role=Role.MIDWIFE, by=one, now=NOW),
            lambda user=user: roles.grant(user=user, role=Role.ASSESSOR, by=other, now=NOW),
        )
        assert sorted(type(result).__name__ for result in results) == ["GrantRefused", "RoleGrant"]
        assert user.role_grants.count() == 1


def test_an_invited_person_has_no_password_and_a_letter_waits(admin):
    user = users.invite(email="New.Person@Example.org", name="  New   Person ", by=admin, now=NOW)
    assert (user.email, user.name, user.joined_at) == ("new.person@example.org", "New Person", None)
    assert not user.has_usable_password()
    letter = Message.objects.get(recipient_user=user)
    assert (letter.kind, letter.status) == ("invitation", Message.Status.QUEUED)
    assert lines(AccessLog.Kind.ACCOUNT_CHANGED) == [(admin.pk, user.pk, {"what": "invited"})]


def test_one_address_is_invited_once_however_it_is_written(admin):
    users.invite(email="one@example.org", name="One", by=admin, now=NOW)
    with pytest.raises(AccountRefused):
        users.invite(email=" ONE@example.org", name="One", by=admin, now=NOW)
    assert Message.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_address_invited_twice_at_one_moment_is_one_account():
    admin = make_user(Role.ADMINISTRATOR)
    results = at_once(*(lambda: users.invite(email="one@example.org", name="One", by=admin, now=NOW) for _ in range(2)))
    assert sorted(type(result).__name__ for result in results) == ["AccountRefused", "User"]


def test_an_invitation_goes_again_until_she_has_a_password(admin):
    user = users.invite(email="one@example.org", name="One", by=admin, now=NOW)
    users.invite_again(user=user, by=admin, now=NOW + timedelta(days=2))
    assert Message.objects.filter(recipient_user=user, kind="invitation").count() == 2
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    with pytest.raises(AccountRefused):
        users.invite_again(user=user, by=admin, now=NOW + timedelta(days=3))


def test_an_account_switched_off_loses_its_sessions_for_good(admin, settings):
    settings.SECOND_FACTOR_REQUIRED = False
    user, client = make_user(Role.DPO, password=PASSWORD), Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert client.get("/access-log/").status_code == 200
    users.switch(user=user, active=False, by=admin, now=NOW)
    assert client.get("/access-log/").status_code == 302
    users.switch(user=user, active=True, by=admin, now=NOW)
    assert client.get("/access-log/").status_code == 302
    assert not UserSession.objects.filter(user=user).exists()
    assert [detail["what"] for _by, _about, detail in lines(AccessLog.Kind.ACCOUNT_CHANGED)] == [
        "switched_off",
        "switched_on",
    ]


def test_nobody_switches_off_her_own_account(admin):
    with pytest.raises(AccountRefused):
        users.switch(user=admin, active=False, by=admin, now=NOW)


def test_the_first_two_granters_are_made_once():
    arguments = ["one@example.org", "One Name", "two@example.org", "Two Name"]
    call_command("first_people", *arguments)
    made = User.objects.filter(email__in=["one@example.org", "two@example.org"])
    assert [roles_of(user) for user in made] == [{Role.ADMINISTRATOR}] * 2
    assert Message.objects.filter(kind="invitation").count() == 2
    assert len(lines(AccessLog.Kind.ROLE_CHANGED)) == 2
    with pytest.raises(CommandError):
        call_command("first_people", "three@example.org", "Three", "four@example.org", "Four")
    assert User.objects.count() == 2


def test_one_person_cannot_be_both_first_granters():
    with pytest.raises(CommandError):
        call_command("first_people", "one@example.org", "One", "ONE@example.org", "One again")
    assert not User.objects.exists()


def test_a_line_of_the_access_log_is_never_changed_nor_deleted(admin):
    roles.grant(user=make_user(), role=Role.MIDWIFE, by=admin, now=NOW)
    for change in ("UPDATE people_accesslog SET kind = 'signed_in'", "DELETE FROM people_accesslog"):
        with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
            cursor.execute("SAVEPOINT tried")
            try:
                cursor.execute(change)
            finally:
                cursor.execute("ROLLBACK TO SAVEPOINT tried")
