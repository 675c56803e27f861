from django.urls import path

from crm.lib.listing.views import column_form, filter_form
from quotes import views
from quotes.listing import QUOTES

app_name = "quotes"
urlpatterns = [
    path("", views.quote_list, name="list"),
    path("filter/", filter_form, {"listing": QUOTES}, name="filter"),
    path("columns/", column_form, {"listing": QUOTES}, name="columns"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/make-current/", views.make_current, name="make-current"),
]
