from django.urls import path

from crm.lib.listing.export import export
from crm.lib.listing.printed import print_list
from crm.lib.listing.views import column_form, filter_form
from quotes import views
from quotes.listing import QUOTES
from salespeople.listing import reader

app_name = "quotes"
urlpatterns = [
    path("", views.quote_list, name="list"),
    path("filter/", filter_form, {"listing": QUOTES}, name="filter"),
    path("columns/", column_form, {"listing": QUOTES}, name="columns"),
    path("export/", export, {"listing": QUOTES}, name="export"),
    path("print/", print_list, {"listing": QUOTES, "reader": reader}, name="print"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/make-current/", views.make_current, name="make-current"),
]
