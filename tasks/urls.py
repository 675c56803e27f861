from django.urls import path

from crm.lib.listing.export import export
from crm.lib.listing.printed import print_list
from crm.lib.listing.views import column_form, filter_form
from salespeople.listing import reader
from tasks import agenda_views, calendar_views, feed, matrix_views, views
from tasks.listing import TASKS

app_name = "tasks"
urlpatterns = [
    path("", views.task_list, name="list"),
    path("filter/", filter_form, {"listing": TASKS}, name="filter"),
    path("columns/", column_form, {"listing": TASKS}, name="columns"),
    path("export/", export, {"listing": TASKS}, name="export"),
    path("print/", print_list, {"listing": TASKS, "reader": reader}, name="print"),
    path("agenda/", agenda_views.show_agenda, name="agenda"),
    path("calendar/", calendar_views.show_calendar, name="calendar"),
    path("calendar/events/", calendar_views.events, name="events"),
    path("matrix/", matrix_views.show_matrix, name="matrix"),
    path("card/", views.card, name="card"),
    path("feed/<str:key>.ics", feed.feed, name="feed"),
    path("new/", views.new, name="new"),
    path("assign/", views.assign, name="assign"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/complete/", views.complete, name="complete"),
    path("<int:pk>/postpone/", views.postpone, name="postpone"),
    path("<int:pk>/reschedule/", views.reschedule, name="reschedule"),
    path("<int:pk>/reassign/", views.reassign, name="reassign"),
    path("<int:pk>/cancel/", views.cancel, name="cancel"),
    path("<int:pk>/reopen/", views.reopen, name="reopen"),
]
