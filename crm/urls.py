"""The table of contents: one include per app."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language

from crm import views
from crm.lib.theme import set_theme

urlpatterns = [
    path("", views.home, name="home"),
    path("login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
    path("theme/", set_theme, name="set_theme"),
    path("search/", views.search, name="search"),
    path("reports/", views.reports, name="reports"),
    path("keyboard/", views.keyboard, name="keyboard"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("healthz", views.healthz),
    path("healthz/", views.healthz, name="healthz"),
    path("opportunities/", include("opportunities.urls")),
    path("collaboration/", include("collaboration.urls")),
    path("account/", include("collaboration.account_urls")),
    path("contacts/", include("contacts.urls")),
    path("salespeople/", include("salespeople.urls")),
    path("tasks/", include("tasks.urls")),
    path("interactions/", include("interactions.urls")),
    path("quotes/", include("quotes.urls")),
    path("upkeep/", include("upkeep.urls")),
    path("import/", include("upkeep.importing.urls")),
    path("views/", include("salespeople.saved_view_urls")),
    path("admin/", admin.site.urls),
]
