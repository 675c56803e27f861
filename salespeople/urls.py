from django.urls import path

from crm.lib.listing.export import export
from crm.lib.listing.printed import print_list
from crm.lib.listing.views import column_form, filter_form
from salespeople import views
from salespeople.listing import SALESPEOPLE, reader

app_name = "salespeople"
urlpatterns = [
    path("", views.salesperson_list, name="list"),
    path("filter/", filter_form, {"listing": SALESPEOPLE}, name="filter"),
    path("columns/", column_form, {"listing": SALESPEOPLE}, name="columns"),
    path("export/", export, {"listing": SALESPEOPLE}, name="export"),
    path("print/", print_list, {"listing": SALESPEOPLE, "reader": reader}, name="print"),
    path("teams/", views.teams, name="teams"),
    path("teams/<int:pk>/", views.team, name="team"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/edit/", views.edit, name="edit"),
]
