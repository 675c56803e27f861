from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Func, IntegerField, JSONField, QuerySet, TextField
from django.db.models.expressions import RawSQL

from crm.lib.prepared import Prepared
from salespeople.models import User

# Asked on every page: as a QuerySet it took longer to put together than to answer.
GRANTED = """ARRAY(
    SELECT content_type.app_label || '.' || permission.codename
      FROM auth_permission permission JOIN django_content_type content_type ON content_type.id = permission.content_type_id
     WHERE permission.id IN (
           SELECT own.permission_id FROM salespeople_user_user_permissions own WHERE own.user_id = salespeople_user.id
            UNION ALL
           SELECT role.permission_id FROM salespeople_user_groups member
             JOIN auth_group_permissions role ON role.group_id = member.group_id
            WHERE member.user_id = salespeople_user.id))"""


ROLES = "ARRAY(SELECT member.group_id FROM salespeople_user_groups member WHERE member.user_id = salespeople_user.id)"
ALONG: dict[str, Any] = {}  # apps above say here what else comes with who signs in


def with_rights(people: QuerySet[User]) -> QuerySet[User]:
    """Each with the salesperson, every permission, the roles and whom the person reaches."""
    granted = RawSQL(GRANTED, [], output_field=ArrayField(TextField()))  # noqa: S611 - a constant
    member_of = RawSQL(ROLES, [], output_field=ArrayField(IntegerField()))  # noqa: S611 - a constant
    reach = Func(F("salesperson_id"), function="reach_of", output_field=JSONField())
    return people.select_related("salesperson").annotate(granted=granted, member_of=member_of, brought=reach)


def _signed_in(shape: None, key: int) -> QuerySet[User]:
    return with_rights(User.objects.all()).annotate(**ALONG).order_by().filter(pk=key)


SIGNED_IN = Prepared(_signed_in, planned=True)


class EmailBackend(ModelBackend):
    """Sign-in by e-mail, whatever its case. One query brings the user, the salesperson, every permission, the roles,
    whom the person reaches by teams, and what other apps let come along."""

    def get_user(self, user_id: int) -> User | None:
        user = next(iter(SIGNED_IN.rows(None, user_id)), None)
        return user if user is not None and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if obj is None and user_obj.is_active and not user_obj.is_superuser and hasattr(user_obj, "granted"):
            return set(user_obj.granted)
        return super().get_all_permissions(user_obj, obj)
