from django.urls import path

from collaboration import file_views, views

app_name = "collaboration"
urlpatterns = [
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/read/", views.read, name="read"),
    path("people/", views.people, name="people"),
    path("comments/<int:pk>/edit/", views.edit, name="comment-edit"),
    path("comments/<int:pk>/delete/", views.delete, name="comment-delete"),
    path("files/", file_views.card, name="files"),
    path("files/<int:pk>/", file_views.download, name="file"),
    path("files/<int:pk>/remove/", file_views.remove, name="file-remove"),
]
