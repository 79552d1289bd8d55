"""Nothing that names a mother on a lock screen: every kind's words to staff hold her programme code and no more of her."""

from datetime import timedelta
from uuid import uuid4

import pytest

from mentoring.models import Alert, Duty, Visit
from mentoring.services import appointments, duties
from outbox.models import Message
from outbox.rules.registry import KINDS
from people.rules.local_time import local_date
from tests.factories import NOW, make_lay_worker, make_midwife, make_mother

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)
# What a word about a pregnancy, a baby or a place could be, whatever the kind.
NEVER = ("pregnan", "baby", "babies", "birth", "unborn", "antenatal")


def composed(kind, *, mother, lay_worker, alert):
    starts_at = NOW + timedelta(days=1)
    visit = Visit.objects.create(
        client_id=uuid4(), mother=mother, lay_worker=lay_worker, started_at=NOW, started_by=lay_worker.user,
        expected_end_at=NOW, expected_end_by=lay_worker.user,
    )  # fmt: skip
    message = Message(
        kind=kind, channel="email", subject=mother.person, subject_due_on=TODAY, recipient_user=lay_worker.user,
        nominal_on=TODAY, due_at=NOW, expires_at=starts_at, detail={"alert": alert.pk, "mothers": 2, "visit": visit.pk},
    )  # fmt: skip
    if kind == "digest_of_the_worklist":
        message.recipient_user = lay_worker.supervisor.user
    [words] = KINDS[kind].compose([message])
    return words


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_subject_and_body_hold_neither_name_nor_number_nor_address_nor_pregnancy(kind, monkeypatch):
    # Where a link leads is asked of the URLs elsewhere.
    monkeypatch.setattr("mentoring.services.kinds.reverse", lambda name, args=(): f"/{name}/{'/'.join(map(str, args))}")
    lay_worker = make_lay_worker(supervisor=make_midwife(name="Mia Midwife"), name="Lena Lay-Worker")
    mother = make_mother(
        paired_with=lay_worker, starts_on=TODAY - timedelta(days=8), first_name="Zuleika", family_name="Quillfeather",
        name_to_use="Zuzu", address="12 Mill Lane",
    )  # fmt: skip
    appointments.agree(
        mother=mother, lay_worker=lay_worker, starts_at=NOW + timedelta(days=1), mode="home_visit", place="Mill Lane",
        by=lay_worker.user, now=NOW,
    )  # fmt: skip
    duties.raise_now(
        kind=Duty.Kind.ROLE_QUESTION, mother=mother, owner=lay_worker.supervisor, due_on=TODAY, text="Zuzu asked",
        by=None, now=NOW,
    )  # fmt: skip
    alert = Alert.objects.create(kind="loss", mother=mother, raised_at=NOW, step_at=NOW)
    words = composed(kind, mother=mother, lay_worker=lay_worker, alert=alert)
    text = f"{words.subject} {words.body} {words.path} {words.why}"
    for said in ("Zuleika", "Quillfeather", "Zuzu", "Mill Lane", "07700", "Riverside", *NEVER):
        assert said.lower() not in text.lower(), said
    assert "%(" not in text
    if kind not in {"invitation", "password_reset", "test_reminder", "import_digest"}:
        assert mother.programme_code in f"{words.subject} {words.body}"
