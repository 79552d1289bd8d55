"""What was read, signed into, taken out or changed about rights. Written only; nothing here is ever edited."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from people.models.user import User


class AccessLog(models.Model):
    """One line of the access log: reads of contact details, sign-ins, exports, role changes (issue 2 section 2)."""

    append_only = True

    class Kind(models.TextChoices):
        CONTACT_DETAILS_READ = "contact_details_read", _("read contact details")
        SIGNED_IN = "signed_in", _("signed in")
        SIGN_IN_FAILED = "sign_in_failed", _("sign-in failed")
        SIGNED_OUT = "signed_out", _("signed out")
        SECOND_FACTOR_CHANGED = "second_factor_changed", _("second factor changed")
        ROLE_CHANGED = "role_changed", _("rights changed")
        ACCOUNT_CHANGED = "account_changed", _("account changed")
        EXPORT_TAKEN = "export_taken", _("export taken")
        IMPORT_DONE = "import_done", _("import done")
        MESSAGE_DECIDED = "message_decided", _("message sent again or dismissed")
        SETTINGS_CHANGED = "settings_changed", _("settings changed")

    at = models.DateTimeField(help_text=_("When, to the second."))
    kind = models.CharField(max_length=32, choices=Kind.choices, help_text=_("Code of what was done."))
    by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        help_text=_("Who; empty for a failed sign-in."),
    )
    about_user = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        help_text=_("Whose account or rights, where it is about one."),
    )
    about_person_id = models.BigIntegerField(null=True, blank=True, help_text=_("Key of the person read about."))
    request_id = models.CharField(max_length=36, blank=True, help_text=_("Which request or command."))
    address = models.GenericIPAddressField(null=True, blank=True, help_text=_("Network address of the caller."))
    detail = models.JSONField(default=dict, help_text=_("Codes and numbers only, never names or free text."))

    class Meta:
        indexes = [
            models.Index(fields=["-at", "-id"], name="access_log_newest_first"),
            models.Index(fields=["about_person_id", "-at"], name="access_log_by_person"),
            models.Index(fields=["by", "-at"], name="access_log_by_reader"),
        ]

    def __str__(self) -> str:
        return f"access {self.pk}"
