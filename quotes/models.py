from typing import TYPE_CHECKING, Any, ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from salespeople.models import CodeField

if TYPE_CHECKING:
    from salespeople.models import User


class QuoteQuerySet(models.QuerySet["Quote"]):
    def visible_to(self, user: "User") -> "QuoteQuerySet":
        """A quote is seen by whoever sees its opportunity: the opportunity's own door decides."""
        if not user.has_perm("quotes.view_quote"):
            return self.none()
        opportunities: Any = self.model._meta.get_field("opportunity").related_model
        return self.filter(opportunity__in=opportunities._default_manager.visible_to(user))

    def current(self) -> "QuoteQuerySet":
        return self.filter(is_current=True)


class Quote(models.Model):
    """What we offered. Net amount in the company's currency, two decimals."""

    number = CodeField(_("number"), max_length=20, unique=True, blank=True, help_text=_("Blank: the next one."))
    opportunity = models.ForeignKey(
        "opportunities.Opportunity", models.PROTECT, related_name="quotes", verbose_name=_("opportunity")
    )
    quoted_on = models.DateField(_("date"))
    net_amount = models.DecimalField(
        _("net amount"), max_digits=14, decimal_places=2, validators=[MinValueValidator(0)]
    )
    is_current = models.BooleanField(_("current"), default=True)

    objects = QuoteQuerySet.as_manager()

    class Meta:
        verbose_name = _("quote")
        verbose_name_plural = _("quotes")
        ordering: ClassVar = ["-quoted_on", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["opportunity"], condition=Q(is_current=True), name="at_most_one_current_quote"
            ),
            models.CheckConstraint(name="quote_amount_is_not_negative", condition=Q(net_amount__gte=0)),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("quotes:detail", args=[self.pk])
