from django.urls import path

from contacts import address_views, duplicate_views, views
from contacts.listing import CONTACTS
from crm.lib.listing.export import export
from crm.lib.listing.printed import print_list
from crm.lib.listing.views import column_form, filter_form
from salespeople.listing import reader

app_name = "contacts"
urlpatterns = [
    path("", views.contact_list, name="list"),
    path("filter/", filter_form, {"listing": CONTACTS}, name="filter"),
    path("columns/", column_form, {"listing": CONTACTS}, name="columns"),
    path("export/", export, {"listing": CONTACTS}, name="export"),
    path("print/", print_list, {"listing": CONTACTS, "reader": reader}, name="print"),
    path("new/", views.new, name="new"),
    path("duplicates/", duplicate_views.duplicates, name="duplicates"),
    path("duplicates/decide/", duplicate_views.decide, name="duplicates-decide"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/edit/", views.edit, name="edit"),
    path("<int:pk>/sharing/", views.sharing, name="sharing"),
    path("<int:pk>/comment/", views.comment, name="comment"),
    path("<int:pk>/tags/", views.tag, name="tags"),
    path("<int:pk>/addresses/new/", address_views.new, name="address-new"),
    path("addresses/<int:pk>/", address_views.edit, name="address-edit"),
    path("addresses/<int:pk>/delete/", address_views.delete, name="address-delete"),
]
