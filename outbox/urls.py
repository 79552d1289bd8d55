"""The roof of the app: each URL, its view, its name."""

from django.urls import path

from outbox import views

urlpatterns = [
    path("callbacks/notify/inbound/", views.notify_inbound, name="notify-inbound"),
    path("callbacks/notify/receipt/", views.notify_receipt, name="notify-receipt"),
    path("callbacks/twilio/inbound/", views.twilio_inbound, name="twilio-inbound"),
    path("callbacks/twilio/receipt/<uuid:reference>/", views.twilio_receipt, name="twilio-receipt"),
    path("jobs/", views.jobs, name="jobs"),
    path("jobs/messages/", views.stuck_messages, name="stuck-messages"),
    path("jobs/messages/<int:pk>/<slug:act>/", views.stuck_message_act, name="stuck-message-act"),
    path("mailbox/", views.mailbox, name="mailbox"),
    path("messages/", views.message_list, name="message-list"),
    path("messages/quiet-days/", views.quiet_day_add, name="quiet-day-add"),
    path("messages/quiet-days/<int:pk>/end/", views.quiet_day_end, name="quiet-day-end"),
    path("messages/what-you-are-told/", views.wishes_edit, name="wishes"),
]
