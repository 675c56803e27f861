"""A file that somebody brings, what is made of it, and what became of each of its rows."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from interactions.models import Interaction
from opportunities.models import Batch, Opportunity
from salespeople.models import Salesperson
from tasks.models import Task

if TYPE_CHECKING:
    from salespeople.models import User

LONGEST_KEY = 200


class ImportKind(models.TextChoices):
    CONTACTS = "contacts", _("Contacts")
    OPPORTUNITIES = "opportunities", _("Opportunities")
    SALESPEOPLE = "salespeople", _("Salespeople")
    TASKS = "tasks", _("Tasks")
    INTERACTIONS = "interactions", _("Interactions")
    TEAMS = "team", _("teams")
    CLOSE_CODES = "closecode", _("close codes")
    SOURCES = "source", _("sources")
    COMPETITORS = "competitor", _("competitors")
    ACTIVITIES = "activity", _("activities")
    STEPS = "activitystep", _("steps of activities")
    TERRITORIES = "territory", _("territories")
    SALUTATIONS = "salutation", _("salutations")
    LEVELS = "organizationallevel", _("organizational levels")
    RESPONSIBILITIES = "jobresponsibility", _("job responsibilities")
    INDUSTRIES = "industrygroup", _("industry groups")
    MAILINGS = "mailinggroup", _("mailing groups")
    RELATIONS = "businessrelation", _("business relations")
    TAGS = "tag", _("tags")
    ROLES = "contactrole", _("roles of contacts")
    GROUPS = "interactiongroup", _("groups of interactions")
    TEMPLATES = "interactiontemplate", _("templates of interactions")
    ADDRESSES = "alternativeaddress", _("alternative addresses")
    RELATED = "contactsrelation", _("business relations of contacts")
    PEOPLE = "involvement", _("people of opportunities")
    CO_OWNERS = "coowner", _("Co-owners")


# of which other systems have keys that are kept; all others are set-up, or hang on these
RECORDS = (
    *(ImportKind.CONTACTS, ImportKind.OPPORTUNITIES, ImportKind.SALESPEOPLE, ImportKind.TASKS),
    ImportKind.INTERACTIONS,
)
OWNERS = {
    ImportKind.CONTACTS: "contact",
    ImportKind.OPPORTUNITIES: "opportunity",
    ImportKind.SALESPEOPLE: "salesperson",
    ImportKind.TASKS: "task",
    ImportKind.INTERACTIONS: "interaction",
}


def names_what_it_says() -> Q:
    """Of a key: it leads to a record of its kind, and to no other."""
    found = Q()
    for kind, owner in OWNERS.items():
        found |= Q(kind=kind.value, **{f"{other}__isnull": other != owner for other in OWNERS.values()})
    return found


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    def visible_to(self, user: "User") -> "ImportRunQuerySet":
        """One's own; everybody's for administrators. A file may hold what its reader may not see in the product."""
        if not user.has_perm("upkeep.add_importrun"):
            return self.none()
        return self if user.has_perm("upkeep.view_importrun") else self.filter(by=user)


class ImportRun(models.Model):
    """One file. `spool` is the same rows in one format, by which the worker goes on from `offset`."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Columns are to be chosen")
        CHECKING = "checking", _("Is being checked")
        CHECKED = "checked", _("Checked")
        RUNNING = "running", _("Under way")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        UNDOING = "undoing", _("Is being taken back")
        UNDONE = "undone", _("Taken back")
        BROKEN = "broken", _("Cannot be read")

    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    made_at = models.DateTimeField(_("at"), db_default=Now())
    kind = models.CharField(_("what"), max_length=20, choices=ImportKind)
    name = models.CharField(_("file"), max_length=200)
    file = models.FileField(_("file"), max_length=100)
    spool = models.CharField(max_length=100, blank=True, editable=False)
    file_is_gone = models.BooleanField(default=False, editable=False)  # after 90 days, by `running.forget_files`
    size = models.PositiveBigIntegerField(_("size"))
    # how it is read (encoding, delimiter, sheet), what its first row says, and what was chosen for its columns
    reading = models.JSONField(default=dict, editable=False)
    headers = models.JSONField(default=list, editable=False)
    options = models.JSONField(default=dict, blank=True, editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.DRAFT)
    why = models.TextField(_("why"), blank=True)
    total = models.PositiveIntegerField(_("rows"), null=True, blank=True)
    done = models.PositiveIntegerField(_("rows done"), default=0)
    offset = models.PositiveBigIntegerField(default=0, editable=False)
    batch = models.ForeignKey(Batch, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("batch"))
    language = models.CharField(max_length=10, blank=True, editable=False)  # of the reasons

    objects = ImportRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering: ClassVar = ["-id"]
        default_permissions = ("add", "view")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["file"], name="import_has_a_file_of_its_own"),
            models.CheckConstraint(
                name="import_in_a_known_state",
                condition=Q(
                    state__in=[
                        *("draft", "checking", "checked", "running", "done"),
                        *("stopped", "undoing", "undone", "broken"),
                    ]
                ),
            ),
            models.CheckConstraint(name="import_of_a_known_kind", condition=Q(kind__in=ImportKind.values)),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("import:run", args=[self.pk])

    @property
    def is_under_way(self) -> bool:
        return self.state in (self.State.CHECKING, self.State.RUNNING, self.State.UNDOING)


class ImportRow(models.Model):
    """What became of a row of the file, or would become of it (`dry`)."""

    class Verdict(models.TextChoices):
        CREATED = "created", _("New")
        UPDATED = "updated", _("Updated")
        UNCHANGED = "unchanged", _("Stays as it is")
        REFUSED = "refused", _("Refused")
        UNDONE = "undone", _("Taken back")
        TOUCHED = "touched", _("Changed since, so it stays")

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="rows", db_index=False, verbose_name=_("import"))
    dry = models.BooleanField()
    line = models.PositiveIntegerField(_("row"))
    verdict = models.CharField(_("verdict"), max_length=9, choices=Verdict)
    why = models.TextField(_("why"), blank=True)
    field = models.CharField(max_length=40, blank=True)  # a link that was not found, and what it said
    said = models.CharField(max_length=LONGEST_KEY, blank=True)
    label = models.CharField(_("name"), max_length=LONGEST_KEY, blank=True)
    key = models.BigIntegerField(null=True)  # of what was made or changed
    made = models.JSONField(default=list)  # keys of companies that were made on the way
    before = models.JSONField(default=dict)  # what stood there
    # by which a later change is told: last event of a contact, version of a task or an interaction
    mark = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("row of an import")
        verbose_name_plural = _("rows of imports")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "dry", "line"], name="a_verdict_once_for_a_row"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["run", "dry", "verdict", "line"], name="import_rows_by_verdict"),
            # what an earlier row of a dry run would have made
            models.Index(fields=["run", "label"], condition=Q(dry=True, verdict="created"), name="import_rows_to_come"),
            models.Index(fields=["run", "key"], condition=Q(dry=False, key__isnull=False), name="import_rows_by_key"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.line}"


class ExternalKey(models.Model):
    """What another system calls a record of ours. Once for each system and kind."""

    system = models.CharField(_("system"), max_length=40)
    kind = models.CharField(_("what"), max_length=13, choices=[(kind, kind.label) for kind in RECORDS])
    key = models.CharField(_("key"), max_length=LONGEST_KEY)
    contact = models.ForeignKey(
        Contact, models.CASCADE, null=True, blank=True, related_name="external_keys", verbose_name=_("contact")
    )
    opportunity = models.ForeignKey(
        Opportunity, models.CASCADE, null=True, blank=True, related_name="external_keys", verbose_name=_("opportunity")
    )
    salesperson = models.ForeignKey(
        Salesperson, models.CASCADE, null=True, blank=True, related_name="external_keys", verbose_name=_("salesperson")
    )
    task = models.ForeignKey(
        Task, models.CASCADE, null=True, blank=True, related_name="external_keys", verbose_name=_("task")
    )
    interaction = models.ForeignKey(
        Interaction, models.CASCADE, null=True, blank=True, related_name="external_keys", verbose_name=_("interaction")
    )

    class Meta:
        verbose_name = _("key of another system")
        verbose_name_plural = _("keys of other systems")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["system", "kind", "key"], name="an_external_key_names_one_record"),
            models.CheckConstraint(name="external_key_names_what_it_says", condition=names_what_it_says()),
            models.CheckConstraint(name="external_key_is_not_blank", condition=~Q(key="") & ~Q(system="")),
        ]

    def __str__(self) -> str:
        return f"{self.system}: {self.key}"

    @property
    def record_id(self) -> Any:
        return getattr(self, f"{OWNERS[ImportKind(self.kind)]}_id")
