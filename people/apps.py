"""The lowest app: who everyone is. Grants the application's database role its rights after each migration."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "people"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "People"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from people import sign_ins
        from people.database import grant_application_rights

        sign_ins.listen()
        post_migrate.connect(grant_application_rights, sender=self, dispatch_uid="application_rights")
