from django.urls import path

from crm.lib.listing.export import export
from crm.lib.listing.printed import print_list
from crm.lib.listing.views import column_form, filter_form
from opportunities.listing import OPPORTUNITIES
from opportunities.views import beside, board, bulk, bulk_new, detail, lists, overrides, quick, report, sharing, verbs
from salespeople.listing import reader

app_name = "opportunities"
urlpatterns = [
    path("", lists.opportunity_list, name="list"),
    path("filter/", filter_form, {"listing": OPPORTUNITIES}, name="filter"),
    path("columns/", column_form, {"listing": OPPORTUNITIES}, name="columns"),
    path("export/", export, {"listing": OPPORTUNITIES}, name="export"),
    path("print/", print_list, {"listing": OPPORTUNITIES, "reader": reader}, name="print"),
    path("board/", board.board, name="board"),
    path("board/changes/", board.changes, name="board-changes"),
    path("board/attention/", board.attention, name="board-attention"),
    path("board/new/", quick.quick, name="quick"),
    path("overrides/", overrides.overrides, name="overrides"),
    path("new/", verbs.new, name="new"),
    path("new/many/", bulk_new.new_for_many, name="new-for-many"),
    path("bulk/", bulk.bulk, name="bulk"),
    path("batches/", bulk.batches, name="batches"),
    path("batches/<int:pk>/", bulk.batch, name="batch"),
    path("batches/<int:pk>/progress/", bulk.batch_progress, name="batch-progress"),
    path("batches/<int:pk>/cancel/", bulk.batch_cancel, name="batch-cancel"),
    path("batches/<int:pk>/undo/", bulk.batch_undo, name="batch-undo"),
    path("<int:pk>/", detail.detail, name="detail"),
    path("<int:pk>/report/", report.show_report, name="report"),
    path("<int:pk>/card/", board.card, name="card"),
    path("<int:pk>/start/", verbs.start, name="start"),
    path("<int:pk>/move/", verbs.move, name="move"),
    path("<int:pk>/revise/", verbs.revise, name="revise"),
    path("<int:pk>/edit/", verbs.edit, name="edit"),
    path("<int:pk>/reassign/", verbs.reassign, name="reassign"),
    path("<int:pk>/change-cycle/", verbs.change_cycle, name="change-cycle"),
    path("<int:pk>/close/", verbs.close, name="close"),
    path("<int:pk>/reopen/", verbs.reopen, name="reopen"),
    path("<int:pk>/undo/", verbs.undo, name="undo"),
    path("<int:pk>/correct/", verbs.correct, name="correct"),
    path("<int:pk>/archive/", verbs.archive, name="archive"),
    path("<int:pk>/sharing/", sharing.sharing, name="sharing"),
    path("<int:pk>/comment/", beside.comment, name="comment"),
    path("<int:pk>/tags/", beside.tags, name="tags"),
    path("<int:pk>/people/", beside.people, name="people"),
    path("involving/<int:pk>/", beside.involving, name="involving"),
    path("<int:pk>/restore/", verbs.restore, name="restore"),
]
