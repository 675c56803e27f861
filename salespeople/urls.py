from django.urls import path

from salespeople import views

app_name = "salespeople"
urlpatterns = [
    path("", views.salesperson_list, name="list"),
    path("filter/", views.salesperson_filter, name="filter"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/edit/", views.edit, name="edit"),
]
