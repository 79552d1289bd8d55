"""The roof of the app: each URL, its view, its name. One list a screen family, in alphabetical order."""

from django.urls import URLPattern, path

from mentoring.views import (
    calendar,
    imports,
    log,
    loss,
    midwife,
    mother,
    plan,
    protocol,
    rota,
    safety,
    staff,
    today,
    worklist,
)

LAY_WORKER: list[URLPattern] = [
    path("late-log/", today.late_log, name="late-log"),
    path("mothers/<str:programme_code>/", mother.mother_detail, name="mother-detail"),
    path("mothers/<str:programme_code>/birth/", plan.birth_record, name="birth-record"),
    path("mothers/<str:programme_code>/due-date/", plan.due_date_change, name="due-date-change"),
    path("mothers/<str:programme_code>/log/", log.contact_log, name="contact-log"),
    path("mothers/<str:programme_code>/log/now/<slug:kind>/", log.contact_urgent, name="contact-urgent"),
    path("mothers/<str:programme_code>/log/<uuid:client_id>/correct/", log.contact_correct, name="contact-correct"),
    path("mothers/<str:programme_code>/log/<uuid:client_id>/take-back/", log.contact_void, name="contact-void"),
    path("mothers/<str:programme_code>/loss/", loss.loss_record, name="loss-record"),
    path("mothers/<str:programme_code>/next-time/", plan.appointment_agree, name="appointment-agree"),
    path(
        "mothers/<str:programme_code>/next-time/<int:pk>/call-off/",
        plan.appointment_call_off,
        name="appointment-call-off",
    ),
    path("mothers/<str:programme_code>/plan/", plan.plan_change, name="plan-change"),
    path("mothers/<str:programme_code>/visit/", safety.visit_begin, name="visit-begin"),
    path("mothers/<str:programme_code>/worried/", safety.worry_raise, name="worry-raise"),
    path("today/", today.today, name="today"),
    path("visits/<uuid:client_id>/", safety.visit_detail, name="visit-detail"),
]

MIDWIFE: list[URLPattern] = [
    path("alerts/<int:pk>/", worklist.alert_detail, name="alert-detail"),
    path("awaiting/", midwife.awaiting, name="awaiting"),
    path("caseload/", midwife.caseload, name="caseload"),
    path("covers/<int:pk>/cancel/", midwife.cover_cancel, name="cover-cancel"),
    path("duties/<int:pk>/", worklist.duty_detail, name="duty-detail"),
    path("lay-workers/<int:pk>/", midwife.lay_worker_detail, name="lay-worker-detail"),
    path("lay-workers/<int:pk>/cover/", midwife.cover_arrange_all, name="cover-arrange-all"),
    path("mothers/new/", midwife.mother_register, name="mother-register"),
    path("mothers/<str:programme_code>/cover/", midwife.cover_arrange, name="cover-arrange"),
    path("mothers/<str:programme_code>/loss/<int:pk>/undo/", loss.loss_undo, name="loss-undo"),
    path("mothers/<str:programme_code>/pair/", midwife.pair, name="pair"),
    path("mothers/<str:programme_code>/pairings/", midwife.mother_pairings, name="mother-pairings"),
    path("mothers/<str:programme_code>/request/", worklist.request_record, name="request-record"),
    path("mothers/<str:programme_code>/safe-contact/", midwife.safe_contact_renew, name="safe-contact-renew"),
    path("mothers/<str:programme_code>/support/", loss.support_start, name="support-start"),
    path("pairings/<int:pk>/end/", midwife.pairing_end, name="pairing-end"),
    path("worklist/", worklist.worklist, name="worklist"),
]

PROGRAMME: list[URLPattern] = [
    path("calendar/", calendar.calendar, name="calendar"),
    path("calendar/<str:token>.ics", calendar.calendar_feed, name="calendar-feed"),
    path("imports/", imports.import_new, name="import-new"),
    path("imports/<uuid:reference>/", imports.import_detail, name="import-detail"),
    path("losses/new/", loss.loss_find, name="loss-find"),
    path("protocol/", protocol.protocol, name="protocol"),
    path("rota/", rota.rota, name="rota"),
    path("rota/<int:pk>/take-out/", rota.rota_withdraw, name="rota-withdraw"),
    path("staff/", staff.staff_list, name="staff-list"),
    path("staff/lay-workers/<int:pk>/", staff.lay_worker_edit, name="staff-lay-worker-edit"),
    path("staff/lay-workers/new/", staff.lay_worker_new, name="staff-lay-worker-new"),
    path("staff/midwives/new/", staff.midwife_new, name="staff-midwife-new"),
]

# A path of fixed words such as mothers/new/ stands before one that takes a programme code.
urlpatterns = [*MIDWIFE, *PROGRAMME, *LAY_WORKER]
