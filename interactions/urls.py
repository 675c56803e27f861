from django.urls import path

from crm.lib.listing.export import export
from crm.lib.listing.printed import print_list
from crm.lib.listing.views import column_form, filter_form
from interactions import views
from interactions.listing import INTERACTIONS
from salespeople.listing import reader

app_name = "interactions"
urlpatterns = [
    path("", views.interaction_list, name="list"),
    path("filter/", filter_form, {"listing": INTERACTIONS}, name="filter"),
    path("columns/", column_form, {"listing": INTERACTIONS}, name="columns"),
    path("export/", export, {"listing": INTERACTIONS}, name="export"),
    path("print/", print_list, {"listing": INTERACTIONS, "reader": reader}, name="print"),
    path("card/", views.card, name="card"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/cancel/", views.cancel, name="cancel"),
    path("<int:pk>/restore/", views.restore, name="restore"),
]
