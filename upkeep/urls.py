from django.urls import path

from upkeep import merge_views

app_name = "upkeep"
urlpatterns = [
    path("merge/", merge_views.merge, name="merge"),
    path("merges/<int:pk>/", merge_views.merge_detail, name="merge-detail"),
    path("merges/<int:pk>/undo/", merge_views.merge_undo, name="merge-undo"),
    path("contacts/<int:pk>/merges/", merge_views.merges, name="merges"),
]
