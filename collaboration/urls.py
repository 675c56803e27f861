from django.urls import path

from collaboration import views

app_name = "collaboration"
urlpatterns = [
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/read/", views.read, name="read"),
    path("people/", views.people, name="people"),
    path("comments/<int:pk>/edit/", views.edit, name="comment-edit"),
    path("comments/<int:pk>/delete/", views.delete, name="comment-delete"),
]
