from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, Value
from django.db.models.functions import Concat

from salespeople.models import User


class EmailBackend(ModelBackend):
    """Sign-in by e-mail, whatever its case. One query brings the user, the salesperson and every permission."""

    def get_user(self, user_id: int) -> User | None:
        granted = (
            Permission.objects.filter(Q(group__user=OuterRef("pk")) | Q(user=OuterRef("pk")))
            .order_by()
            .values_list(Concat(F("content_type__app_label"), Value("."), F("codename")))
            .distinct()
        )
        users = User.objects.select_related("salesperson").annotate(granted=ArraySubquery(granted))
        user = users.filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if obj is None and user_obj.is_active and not user_obj.is_superuser and hasattr(user_obj, "granted"):
            return set(user_obj.granted)
        return super().get_all_permissions(user_obj, obj)
