"""Registering a mother, and her safe-contact sheet. Nothing is safe until she says so; nothing here knows of a trial."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from mentoring.models import Midwife, Mother
from mentoring.rules import changes
from mentoring.rules.duties import SAFE_CONTACT_REASK
from mentoring.rules.plan import PlanError
from mentoring.rules.refusals import Refused
from mentoring.services import duties, plans, protocol, reminders
from people.models import Baby, Gate, Person, PhoneNumber, Pregnancy, SafeContact, SafeTime, User
from people.rules.local_time import local_date
from people.rules.phones import NotANumber, normalised
from people.services import gates

# Letters and digits that are not taken for one another when read out over a telephone.
CODE_ALPHABET = "ACDEFHJKLMNPRTUVWXY34679"


@dataclass(frozen=True, slots=True)
class Number:
    """One telephone number and what she said is safe with it."""

    number: str
    safe_to_call: bool = False
    safe_to_text: bool = False
    safe_voicemail: bool = False


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours at which she may be rung; weekdays 1 (Monday) to 7."""

    weekdays: tuple[int, ...]
    from_time: time
    to_time: time


@dataclass(frozen=True, slots=True)
class Sheet:
    """The safe-contact sheet as asked (domain.md section 6)."""

    asked_on: date | None = None
    was_alone: bool | None = None
    if_someone_else_answers: str = ""
    number_she_will_see: str = ""
    what_to_do: str = ""
    lives_with: tuple[str, ...] = ()
    texts_opted_in: bool = False
    card_is_safe: bool = False
    hours: tuple[Hours, ...] = ()


@dataclass(frozen=True, slots=True)
class Registration:
    """All that is asked when a mother is registered. ``every_days`` and ``born_on`` are for an imported caseload."""

    first_name: str
    family_name: str
    name_to_use: str
    starts_on: date
    edd: date
    locality_id: int
    date_of_birth: date | None = None
    address: str = ""
    language: str = "English"
    interpreter_needed: bool = False
    numbers: tuple[Number, ...] = ()
    sheet: Sheet | None = None
    programme_code: str | None = None
    born_on: date | None = None
    every_days: int | None = None
    midwife_id: int | None = None
    client_id: UUID | None = None


def new_programme_code() -> str:
    """Return a code that no one can guess a study number from: chance alone."""
    return "M-" + "".join(secrets.choice(CODE_ALPHABET) for _place in range(6))


@transaction.atomic
def register(*, registration: Registration, by: User | None, now: datetime) -> Mother:
    """A mother, her person, sheet, pregnancy and plan are there; she awaits a lay-worker.

    The same ``client_id`` twice is one mother. Raises Refused in plain words for dates that cannot be and numbers
    that cannot be rung.
    """
    if registration.client_id is not None:
        known = Mother.objects.filter(client_id=registration.client_id).first()
        if known is not None:
            return known
    today = local_date(now)
    if registration.starts_on > today:
        raise Refused("starts_in_future", _("Her first visit cannot be in the future."))
    if registration.born_on is not None and registration.born_on > today:
        raise Refused("born_in_future", _("The birth cannot be in the future."))
    version = protocol.in_force(now=now)
    try:
        state = changes.start(
            starts_on=registration.starts_on,
            edd=registration.edd,
            antenatal_every=version.antenatal_every_days,
            postnatal_every=version.postnatal_every_days,
            born_on=registration.born_on,
            every_days=registration.every_days,
        )
    except PlanError as error:
        raise Refused(
            "dates_do_not_fit", _("These dates do not fit together: check the first visit and the due date.")
        ) from error
    person = Person.objects.create(
        first_name=registration.first_name,
        family_name=registration.family_name,
        name_to_use=registration.name_to_use or registration.first_name,
        date_of_birth=registration.date_of_birth,
        address=registration.address,
        locality_id=registration.locality_id,
        language=registration.language,
        interpreter_needed=registration.interpreter_needed,
        created_at=now,
        created_by=by,
        gate=Gate.objects.create(),
    )
    pregnancy = Pregnancy.objects.create(person=person, edd=registration.edd, recorded_at=now, recorded_by=by)
    if registration.born_on is not None:
        Baby.objects.create(pregnancy=pregnancy, born_on=registration.born_on, recorded_at=now, recorded_by=by)
    _write_sheet(person, registration.sheet or Sheet(), registration.numbers, by=by, now=now)
    mother = Mother.objects.create(
        person=person,
        programme_code=registration.programme_code or new_programme_code(),
        starts_on=registration.starts_on,
        protocol=version,
        midwife_id=registration.midwife_id or _midwife_id(by),
        registered_at=now,
        registered_by=by,
        client_id=registration.client_id,
    )
    plans.start(mother=mother, state=state, by=by, now=now)
    return mother


@transaction.atomic
def renew_safe_contact(
    *, mother: Mother, sheet: Sheet, numbers: Sequence[Number], by: User, now: datetime
) -> SafeContact:
    """The sheet is as she says now, and a suspension is over. Waits for a message already being handed over."""
    gates.lock_exclusively([mother.person.gate_id])
    written = _write_sheet(mother.person, sheet, numbers, by=by, now=now)
    reminders.refresh_for(mother_ids=[mother.pk], now=now)
    duties.settle(mother=mother, kind=SAFE_CONTACT_REASK, outcome="done", by=by, now=now)
    return written


@transaction.atomic
def suspend_safe_contact(*, mother: Mother, by: User, now: datetime) -> None:
    """Nothing is safe until she renews it: *not safe to talk* holds everywhere at once (domain.md section 6)."""
    gates.lock_exclusively([mother.person.gate_id])
    SafeContact.objects.filter(person=mother.person_id, suspended_at__isnull=True).update(
        suspended_at=now, suspended_by=by
    )
    reminders.refresh_for(mother_ids=[mother.pk], now=now)


def _midwife_id(by: User | None) -> int | None:
    return Midwife.objects.filter(user=by).values_list("pk", flat=True).first() if by is not None else None


def _write_sheet(
    person: Person, sheet: Sheet, numbers: Sequence[Number], *, by: User | None, now: datetime
) -> SafeContact:
    written, _made = SafeContact.objects.update_or_create(
        person=person,
        defaults={
            "asked_on": sheet.asked_on,
            "asked_by": by if sheet.asked_on else None,
            "was_alone": sheet.was_alone,
            "if_someone_else_answers": sheet.if_someone_else_answers,
            "number_she_will_see": sheet.number_she_will_see,
            "what_to_do": sheet.what_to_do,
            "lives_with": list(sheet.lives_with),
            "texts_opted_in": sheet.texts_opted_in,
            "card_is_safe": sheet.card_is_safe,
            "suspended_at": None,
            "suspended_by": None,
        },
    )
    written.safe_times.all().delete()
    SafeTime.objects.bulk_create(
        SafeTime(safe_contact=written, weekdays=list(hours.weekdays), from_time=hours.from_time, to_time=hours.to_time)
        for hours in sheet.hours
    )
    _write_numbers(person, numbers, by=by, now=now)
    return written


def _write_numbers(person: Person, numbers: Sequence[Number], *, by: User | None, now: datetime) -> None:
    known = {row.number: row for row in person.phone_numbers.filter(retired_at__isnull=True)}
    for position, number in enumerate(numbers):
        try:
            e164 = normalised(number.number)
        except NotANumber as error:
            raise Refused("not_a_number", _("Enter a telephone number that can be rung.")) from error
        row = known.pop(e164, None) or PhoneNumber(person=person, number=e164)
        row.position = position
        row.safe_to_call, row.safe_to_text = number.safe_to_call, number.safe_to_text
        row.safe_voicemail = number.safe_voicemail
        if row.pk:
            row.save(update_fields=["position", "safe_to_call", "safe_to_text", "safe_voicemail"])
        else:
            row.save(force_insert=True)
    if known:
        PhoneNumber.objects.filter(pk__in=[row.pk for row in known.values()]).update(retired_at=now, retired_by=by)
