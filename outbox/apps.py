"""Messages on their way. Lends ``people``, which lies below, the pen for letters about an account."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "outbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from outbox.services import letters
        from people.services.letters import lend_pen

        letters.register_kinds()
        lend_pen(letters.write)
