"""Localities of the programme."""

from django.db import transaction
from django.utils.translation import gettext as _

from people.models import Locality
from people.services.users import AccountRefused


@transaction.atomic
def save(*, locality: Locality | None, name: str, is_active: bool = True) -> Locality:
    """A locality of that name is there. Raises AccountRefused where another has the name."""
    name = " ".join(name.split())
    if Locality.objects.filter(name__iexact=name).exclude(pk=locality.pk if locality else 0).exists():
        raise AccountRefused(_("There is a locality of this name already."))
    if locality is None:
        return Locality.objects.create(name=name, is_active=is_active)
    locality.name, locality.is_active = name, is_active
    locality.save(update_fields=["name", "is_active"])
    return locality
