"""The roof of the app: each URL, its view, its name."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
