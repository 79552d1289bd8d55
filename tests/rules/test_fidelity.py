"""Fidelity: the agreed plan beside the protocol's, by phase, and the gaps that windows alone would hide."""

from datetime import date

from mentoring.rules import changes, fidelity
from mentoring.rules.fidelity import Gaps, Phase, Tally
from mentoring.rules.plan import Cadence, Pause, Plan, planned_contacts

D = date.fromisoformat


def test_the_agreed_plan_counts_made_and_missed_alone() -> None:
    plan = Plan(
        D("2026-05-01"),
        (Cadence(D("2026-01-05"), 14, D("2026-02-16")), Cadence(D("2026-03-16"), 14)),
        (Pause(D("2026-02-18"), D("2026-03-16")),),
    )
    windows = planned_contacts(plan)
    contacts = [D("2026-02-03"), D("2026-03-18")]
    found = fidelity.agreed(
        windows, offered_from=D("2026-01-15"), contacts=contacts, born_on=D("2026-03-16"), on=D("2026-04-13")
    )
    # Not offered, missed, made, cut; then made, missed, still open.
    assert found == {Phase.ANTENATAL: Tally(made=1, missed=1), Phase.POSTNATAL: Tally(made=1, missed=1)}
    assert found[Phase.ANTENATAL].share == 0.5


def test_a_window_due_on_the_day_of_the_birth_is_postnatal_and_without_a_birth_all_are_antenatal() -> None:
    assert fidelity.phase(D("2026-03-16"), D("2026-03-16")) == Phase.POSTNATAL
    assert fidelity.phase(D("2026-03-15"), D("2026-03-16")) == Phase.ANTENATAL
    assert fidelity.phase(D("2026-03-16"), None) == Phase.ANTENATAL


def test_a_share_of_nothing_is_none() -> None:
    assert Tally().share is None


def protocol(**values: object) -> dict[Phase, Tally]:
    given = {
        "starts_on": D("2026-01-05"),
        "edd": D("2026-07-20"),
        "born_on": None,
        "antenatal_every": 14,
        "postnatal_every": 28,
        "contacts": [],
        "on": D("2026-02-09"),
    }
    return fidelity.protocol(**{**given, **values})


def test_the_protocol_counts_closed_windows_alone() -> None:
    found = protocol(contacts=[D("2026-01-05"), D("2026-02-09")])
    assert found == {Phase.ANTENATAL: Tally(made=1, missed=2), Phase.POSTNATAL: Tally()}


def test_the_protocol_goes_on_to_the_postnatal_interval_seven_days_after_the_birth() -> None:
    found = protocol(born_on=D("2026-02-02"), on=D("2026-03-30"), contacts=[D("2026-02-02"), D("2026-02-09")])
    # 5 and 19 January before the birth; 2 and 9 February and 9 March from it on.
    assert found == {Phase.ANTENATAL: Tally(missed=2), Phase.POSTNATAL: Tally(made=2, missed=1)}


def test_the_protocols_windows_are_those_of_a_plan_started_with_the_birth_known() -> None:
    for born_on in (None, D("2025-12-01"), D("2026-01-05"), D("2026-07-11"), D("2026-07-20")):
        given = {"starts_on": D("2026-01-05"), "edd": D("2026-07-20"), "antenatal_every": 14, "postnatal_every": 28}
        started = changes.start(born_on=born_on, **given)
        assert fidelity.protocol_windows(born_on=born_on, **given) == planned_contacts(started.plan)


def test_equal_intervals_make_one_cadence_that_a_birth_does_not_move() -> None:
    given = {"starts_on": D("2026-01-05"), "edd": D("2026-07-20"), "antenatal_every": 14, "postnatal_every": 14}
    windows = fidelity.protocol_windows(born_on=D("2026-07-20"), **given)
    assert windows == fidelity.protocol_windows(born_on=None, **given)


def test_gaps_are_between_days_and_long_when_over_twice_the_interval_in_force() -> None:
    cadences = (Cadence(D("2026-01-05"), 14, D("2026-02-02")), Cadence(D("2026-03-02"), 28))
    contacts = [D("2026-03-02"), D("2026-01-05"), D("2026-01-05"), D("2026-02-02"), D("2026-04-28")]
    found = fidelity.gaps(contacts, every_days_on=lambda on: fidelity.every_days_on(cadences, on))
    # 28 days at 14 is twice, not over it; 28 days at 14 again; 57 days at 28 is over.
    assert found == Gaps(longest_days=57, count=3, over_twice=1)
    assert found.share_over_twice == 1 / 3


def test_one_contact_makes_no_gap() -> None:
    found = fidelity.gaps([D("2026-01-05")], every_days_on=lambda on: 14)
    assert (found.longest_days, found.count, found.share_over_twice) == (None, 0, None)


def test_before_the_first_cadence_its_interval_holds() -> None:
    assert fidelity.every_days_on((Cadence(D("2026-01-05"), 14),), D("2026-01-01")) == 14
