"""What people are told by mail. Each mail is sent once or not at all, never twice: it is marked before it is sent, and what is
marked is not sent again."""

from django.db import transaction
from django.utils import timezone

from collaboration.models import Notification
from collaboration.notify import reason
from crm.lib import jobs, mail
from salespeople.auth import with_rights
from salespeople.models import User

AT_ONCE = 500


def queue() -> int:
    """A job for each notification that is to be mailed; how many. Two at once do not take the same."""
    with transaction.atomic():
        rows = Notification.objects.filter(by_mail=True, queued_at__isnull=True).order_by("pk")
        keys = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True)[:AT_ONCE])
        Notification.objects.filter(pk__in=keys).update(queued_at=timezone.now())
        jobs.later_all("collaboration.mail", [{"notification": key} for key in keys])
    return len(keys)


def send(key: int) -> bool:
    """Whether it was sent: not a second time, not to somebody who may not see the record any more."""
    with mail.mailbox() as box:
        if not Notification.objects.filter(pk=key, mailed_at__isnull=True).update(mailed_at=timezone.now()):
            return False
        told = Notification.objects.with_records().get(pk=key)
        person: User | None = with_rights(User.objects.filter(is_active=True)).filter(pk=told.user_id).first()
        if person is None or not Notification.objects.seen_by(person).filter(pk=key).exists():
            return False
        context = {"told": told, "person": person, "reason": lambda: reason(told)}
        mail.send(box, person.email, "notification", context, language=person.language, zone=person.zone)
    return True
