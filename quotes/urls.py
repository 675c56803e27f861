from django.urls import path

from quotes import views

app_name = "quotes"
urlpatterns = [
    path("", views.quote_list, name="list"),
    path("filter/", views.quote_filter, name="filter"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/make-current/", views.make_current, name="make-current"),
]
