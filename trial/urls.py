"""The roof of the app: each URL, its view, its name."""

from django.urls import path

from trial.views import exports

urlpatterns = [path("exports/", exports.export_new, name="export-new")]
