"""The roof of the app: each URL, its view, its name. One list a screen family, in alphabetical order."""

from django.urls import URLPattern

LAY_WORKER: list[URLPattern] = []

MIDWIFE: list[URLPattern] = []

PROGRAMME: list[URLPattern] = []

urlpatterns = [*LAY_WORKER, *MIDWIFE, *PROGRAMME]
