"""The roof of the app: each URL, its view, its name."""

from django.urls import path

from outbox import views

urlpatterns = [
    path("mailbox/", views.mailbox, name="mailbox"),
    path("messages/", views.message_list, name="message-list"),
]
