"""The programme. Fills the outbox's registry with its kinds when the apps are ready."""

from django.apps import AppConfig


class MentoringConfig(AppConfig):
    name = "mentoring"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mentoring.services import kinds, replies
        from outbox.rules.registry import hear_replies

        kinds.register_kinds()
        hear_replies(replies.heard)
