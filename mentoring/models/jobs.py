"""Work that a tick takes up (imports), and what was taken out (exports)."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mentoring.models.people import Mother
from people.history import tracked
from people.models import User


@tracked
class ImportJob(models.Model):
    """One file uploaded for import: its progress, and every problem found. The file goes when the job is done."""

    append_only = False

    class Kind(models.TextChoices):
        CASELOAD = "caseload", _("caseload")
        CONTACTS = "contacts", _("contacts")

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused: nothing was changed")
        FAILED = "failed", _("failed: nothing was changed")

    reference = models.UUIDField(default=uuid.uuid4, unique=True, help_text=_("Names the job in its page's address."))
    kind = models.CharField(max_length=10, choices=Kind.choices, help_text=_("Code of what the file holds."))
    dry_run = models.BooleanField(default=True, help_text=_("True: the file was tried and nothing kept."))
    options = models.JSONField(default=dict, help_text=_("Records from, create localities, update."))
    status = models.CharField(
        max_length=10,
        choices=Status.choices,
        default=Status.WAITING,
        help_text=_("Code of where it stands; which may follow which is in rules/transitions."),
    )
    lines_total = models.PositiveIntegerField(default=0, help_text=_("Lines of the file without its heading."))
    lines_done = models.PositiveIntegerField(default=0, help_text=_("Lines read so far."))
    report = models.JSONField(default=dict, help_text=_("Counts, problems by line and column, warnings, differences."))
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True, help_text=_("When a worker last took it up."))
    finished_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was done, refused or failed."))

    class Meta:
        indexes = [models.Index(fields=["id"], condition=Q(status="waiting"), name="imports_waiting")]

    def __str__(self) -> str:
        return f"import {self.pk}"


class ImportFile(models.Model):
    """The bytes of an uploaded file, without history; emptied when its job has finished."""

    append_only = False

    job = models.OneToOneField(ImportJob, on_delete=models.PROTECT, related_name="file")
    content = models.BinaryField(help_text=_("Empty once the job has finished."))

    def __str__(self) -> str:
        return f"import file {self.pk}"


class ImportedMother(models.Model):
    """What an import last wrote about a mother, as keyed digests: tells a value changed in the app since.

    Holds nothing to read, so without row history of its own.
    """

    append_only = False

    mother = models.OneToOneField(Mother, on_delete=models.PROTECT, related_name="imported")
    digests = models.JSONField(help_text=_("By column of the file: keyed digest of the value written."))

    def __str__(self) -> str:
        return f"imported mother {self.pk}"


@tracked
class Export(models.Model):
    """One export taken: which data set, by whom, why, how many rows, and the hash of the bytes."""

    append_only = False

    reference = models.UUIDField(default=uuid.uuid4, unique=True, help_text=_("Names the export in its file."))
    dataset = models.CharField(max_length=40, help_text=_("Name of the data set."))
    format = models.CharField(max_length=12, help_text=_("Name of the file's format."))
    reason = models.CharField(
        _("reason"), max_length=300, help_text=_("Why it was taken, in the words of who took it.")
    )
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    finished_at = models.DateTimeField(null=True, blank=True, help_text=_("Empty: it was broken off."))
    rows = models.PositiveBigIntegerField(
        null=True, blank=True, help_text=_("Rows without the heading; empty: it was broken off.")
    )
    sha256 = models.CharField(
        max_length=64, blank=True, help_text=_("SHA-256 of the file's bytes; empty: it was broken off.")
    )

    class Meta:
        indexes = [models.Index(fields=["-asked_at", "-id"], name="exports_newest_first")]

    def __str__(self) -> str:
        return f"export {self.pk}"
