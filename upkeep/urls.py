from django.urls import path

from upkeep import handover_views, merge_views

app_name = "upkeep"
urlpatterns = [
    path("handovers/", handover_views.handovers, name="handovers"),
    path("handovers/<int:pk>/", handover_views.handover, name="handover"),
    path("handovers/of/<int:pk>/", handover_views.hand_over, name="hand-over"),
    path("handovers/of/<int:pk>/finish/", handover_views.finish, name="hand-over-finish"),
    path("handovers/runs/<int:pk>/undo/", handover_views.undo, name="hand-over-undo"),
    path("merge/", merge_views.merge, name="merge"),
    path("merges/<int:pk>/", merge_views.merge_detail, name="merge-detail"),
    path("merges/<int:pk>/undo/", merge_views.merge_undo, name="merge-undo"),
    path("contacts/<int:pk>/merges/", merge_views.merges, name="merges"),
]
