"""The roof over every app's URLs, and those pages of django-allauth that are kept."""

from django.urls import include, path

urlpatterns = [
    path("", include("people.urls")),
    path("", include("mentoring.urls")),
    path("", include("outbox.urls")),
    path("trial/", include("trial.urls")),
]
