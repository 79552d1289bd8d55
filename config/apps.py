"""The roof as a Django app, so that its templates and checks are found."""

from django.apps import AppConfig


class RoofConfig(AppConfig):
    name = "config"
    label = "config"
