from django.urls import path

from upkeep.importing import views

app_name = "import"
urlpatterns = [
    path("", views.imports, name="list"),
    path("table/", views.table, name="table"),
    path("<int:pk>/", views.run, name="run"),
    path("<int:pk>/columns/", views.columns, name="columns"),
    path("<int:pk>/read/", views.read, name="read"),
    path("<int:pk>/words/", views.words, name="words"),
    path("<int:pk>/start/", views.start, name="start"),
    path("<int:pk>/stop/", views.stop, name="stop"),
    path("<int:pk>/undo/", views.undo, name="undo"),
    path("<int:pk>/progress/", views.progress, name="progress"),
    path("<int:pk>/result/", views.result, name="result"),
]
