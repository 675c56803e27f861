from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from crm.lib.editing import EditForm
from crm.lib.fields import PercentageField
from salespeople.models import Salesperson

TAKEN = _("There is a salesperson with this code already.")


class SalespersonForm(EditForm):
    commission = PercentageField(label=_("Commission %"))

    refusals: ClassVar = {"salespeople_salesperson_code_key": ("code", TAKEN)}

    class Meta:
        model = Salesperson
        fields = (
            *("name", "code", "job_title", "commission", "email", "email_2", "phone", "blocked", "privacy_blocked"),
        )
        error_messages: ClassVar = {"code": {"unique": TAKEN}}
