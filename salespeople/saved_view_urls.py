from django.urls import path

from salespeople import saved_view_pages

app_name = "saved_views"
urlpatterns = [
    path("", saved_view_pages.view_list, name="list"),
    path("new/", saved_view_pages.new, name="new"),
    path("<int:pk>/", saved_view_pages.detail, name="detail"),
    path("<int:pk>/save/", saved_view_pages.save, name="save"),
    path("<int:pk>/default/", saved_view_pages.default, name="default"),
    path("<int:pk>/order/", saved_view_pages.order, name="order"),
    path("<int:pk>/delete/", saved_view_pages.delete, name="delete"),
]
