"""The roof over every app's URLs, and those pages of django-allauth that are kept."""

from django.urls import include, path

from config import machines

urlpatterns = [
    path("", include("people.urls")),
    path("", include("mentoring.urls")),
    path("", include("outbox.urls")),
    path("health/", machines.health, name="health"),
    path("health/live/", machines.live, name="health-live"),
    path("health/ready/", machines.ready, name="health-ready"),
    path("health/jobs/", machines.jobs, name="health-jobs"),
    path("metrics/", machines.metrics, name="metrics"),
    path("trial/", include("trial.urls")),
]
