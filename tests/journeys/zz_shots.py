from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from mentoring.models import *
from mentoring.services import sample
from people.models import User
from people.rules.local_time import local_date

pytestmark = [pytest.mark.django_db(transaction=True)]
BAD = []


def test_shots(visitor):
    now = datetime.now(UTC)
    on = local_date(now)
    sample.load(mothers=60, seed=1, on=on, now=now, sign_ins=True)
    v = visitor

    def shot(name, path=None):
        try:
            if path:
                v.opens(path)
            else:
                v.is_well()
        except AssertionError as e:
            BAD.append((v.size, name, str(e)[:700]))
        v.page.screenshot(path=f"/tmp/midwife/shots/{name}-{v.size}.png", full_page=True)

    mid = User.objects.get(email="midwife@example.org")
    v.signs_in(mid)
    shot("caseload", "/caseload/")
    shot("caseload-overdue", "/caseload/?only=overdue")
    shot("caseload-paused", "/caseload/?only=paused")
    shot("awaiting", "/awaiting/")
    lw = LayWorker.objects.filter(supervisor__user=mid).order_by("pk").first()
    shot("lay-worker", reverse("lay-worker-detail", args=[lw.pk]))
    shot("register", "/mothers/new/")
    v.page.get_by_role("button", name="Register her").click()
    v.page.wait_for_load_state()
    shot("register-errors")
    waiting = (
        Mother.objects.filter(offered_from__isnull=True).first()
        or Mother.objects.exclude(pairings__ended_at__isnull=True, pairings__isnull=False).first()
    )
    if waiting:
        shot("pair", reverse("pair", args=[waiting.programme_code]))
    p = Pairing.objects.filter(ended_at__isnull=True, lay_worker=lw).first()
    code = p.mother.programme_code
    shot("pairing-end", reverse("pairing-end", args=[p.pk]))
    shot("cover", reverse("cover-arrange-all", args=[lw.pk]))
    v.page.get_by_role("radio").first.check()
    for n, d in (("starts_on", on), ("last_on", on + timedelta(days=13))):
        for i, val in enumerate((d.day, d.month, d.year)):
            v.page.fill(f"[name={n}_{i}]", str(val))
    v.page.get_by_role("button", name="Look what").click()
    v.page.wait_for_load_state()
    shot("cover-look")
    v.page.get_by_role("button", name="Arrange cover").click()
    v.page.wait_for_load_state()
    shot("cover-done")
    shot("pairings", reverse("mother-pairings", args=[code]))
    shot("renew", reverse("safe-contact-renew", args=[code]))
    v.signs_in(User.objects.get(email="lead@example.org"))
    shot("protocol", "/protocol/?preset=14-28")
    v.signs_in(User.objects.get(email="admin@example.org"))
    shot("staff", "/staff/")
    shot("staff-edit", reverse("staff-lay-worker-edit", args=[lw.pk]))
    shot("staff-new", "/staff/lay-workers/new/")
    print(BAD)
    for b in BAD:
        print(b)
