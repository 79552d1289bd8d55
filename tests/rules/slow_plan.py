"""Rules 1 to 4 of the contact plan written a second time, day by day and as plainly as can be, to compare with."""

from datetime import date, timedelta

from mentoring.rules.plan import Plan


def slow_planned(plan: Plan) -> list[dict[str, object]]:
    """Return the planned contacts of a plan without errors, found by walking through every day."""
    one_day = timedelta(days=1)
    dues: list[tuple[date, int]] = []
    for cadence in plan.cadences:
        day, since_due = cadence.first_due_on, 0
        while day <= plan.ends_on and (cadence.last_due_on is None or day <= cadence.last_due_on):
            if since_due == 0:
                dues.append((day, cadence.every_days))
            since_due = (since_due + 1) % cadence.every_days
            day += one_day

    rows: list[dict[str, object]] = []
    for number, (due_on, every_days) in enumerate(dues):
        half = every_days // 2 if every_days % 2 == 0 else every_days // 2 + 1
        others = [due_on + half * one_day, plan.ends_on + one_day]
        if number + 1 < len(dues):
            others.append(dues[number + 1][0])
        starts = [pause.from_on for pause in plan.pauses if pause.from_on > due_on]
        closes_on = min(others + starts)
        cut = any(start < min(others) for start in starts)
        if number == 0:
            opens_on = due_on
        else:
            ends = [
                pause.until_on
                for pause in plan.pauses
                if pause.until_on is not None and dues[number - 1][0] < pause.from_on and pause.until_on <= due_on
            ]
            opens_on = max([rows[-1]["closes_on"], *ends])
        rows.append({"number": number, "due_on": due_on, "opens_on": opens_on, "closes_on": closes_on, "cut": cut})
    return rows


def slow_status(row: dict[str, object], *, offered_from: date | None, contacts: list[date], on: date) -> str:
    """Return the code of the status, by the words of rule 4 from top to bottom."""
    opens_on, due_on, closes_on = row["opens_on"], row["due_on"], row["closes_on"]
    for contact_on in contacts:
        if opens_on <= contact_on < closes_on and not contact_on > on:
            return "made"
    if offered_from is None or not offered_from < closes_on:
        return "not_offered"
    if on >= closes_on:
        return "cancelled" if row["cut"] else "missed"
    if on > due_on:
        return "overdue"
    return "due" if on >= opens_on else "upcoming"
