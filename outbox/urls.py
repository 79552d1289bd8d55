"""The roof of the app: each URL, its view, its name."""

from django.urls import path

from outbox import views

urlpatterns = [
    path("mailbox/", views.mailbox, name="mailbox"),
    path("messages/", views.message_list, name="message-list"),
    path("messages/quiet-days/", views.quiet_day_add, name="quiet-day-add"),
    path("messages/quiet-days/<int:pk>/end/", views.quiet_day_end, name="quiet-day-end"),
    path("messages/what-you-are-told/", views.wishes_edit, name="wishes"),
]
