from django.urls import path

from collaboration import views

app_name = "account"
urlpatterns = [
    path("", views.preferences, name="preferences"),
    path("calendar/", views.calendar_key, name="calendar-key"),
]
