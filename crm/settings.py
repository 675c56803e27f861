"""One file, driven by the environment, safe by default. Every variable it reads is listed in the README."""

from pathlib import Path

from csp.constants import SELF
from environs import Env

from crm.lib.postgres import embedded_database
from crm.lib.secrets import made_once

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_DIR = BASE_DIR / ".local"

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "") or made_once(LOCAL_DIR / "secret_key")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])

# HTTPS=1 says that a proxy in front speaks TLS: cookies, redirects and HSTS follow.
HTTPS = env.bool("HTTPS", False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", 31_536_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "crm.lib.set_up.SetUpConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "csp",
    "django_htmx",
    "django_filters",
    "template_partials",
    "django_countries",
    "phonenumber_field",
    "pghistory",
    "pgtrigger",
    "procrastinate.contrib.django",
    "crm",
    "salespeople",
    "collaboration",
    "contacts",
    "salescycles",
    "tasks",
    "interactions",
    "quotes",
    "opportunities",
    "upkeep",
]

# of the pages where managers set up; what is not named comes last
SET_UP_ORDER = (
    "salescycles",
    "salespeople",
    "contacts",
    "collaboration",
    "interactions",
    "opportunities",
    "tasks",
    "quotes",
)

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "salespeople.middleware.PersonalMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "pghistory.middleware.HistoryMiddleware",
    "crm.lib.refusals.RefusalsMiddleware",
]

ROOT_URLCONF = "crm.urls"
WSGI_APPLICATION = "crm.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "crm.context.one_token",
                "salespeople.context.company",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "template_partials.templatetags.partials",
                "crm.templatetags.crm",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

_DATABASE_URL = env.str("DATABASE_URL", "")
DATABASES = {"default": env.dj_db_url("DATABASE_URL") if _DATABASE_URL else embedded_database(LOCAL_DIR)}
DATABASES["default"]["OPTIONS"] = DATABASES["default"].get("OPTIONS", {}) | {
    "pool": {"min_size": 1, "max_size": 8, "timeout": 10},
    # join_collapse_limit: joins are written in a sensible order, and planning every order of eight takes 40 ms, this 2
    "options": "-c statement_timeout=30s -c lock_timeout=3s -c idle_in_transaction_session_timeout=60s "
    "-c join_collapse_limit=3",
    # what crm.lib.prepared sends as planned is planned once for each connection; Django's own statements never are
    "prepare_threshold": 0,
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # a restart of the database costs nobody an error page
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "salespeople.User"
AUTHENTICATION_BACKENDS = ["salespeople.auth.EmailBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14

# Without a mail server mails stand in the log, which is right for a try.
EMAIL_HOST = env.str("EMAIL_HOST", "")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
EMAIL_PORT = env.int("EMAIL_PORT", 587)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_USER", ""), env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", EMAIL_PORT == 587)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", EMAIL_PORT == 465)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "crm@localhost")
# what links in mails and calendars begin with, since no request says it there
SITE_URL = env.str("SITE_URL", "").rstrip("/") or (
    f"https://{ALLOWED_HOSTS[0]}" if HTTPS else f"http://127.0.0.1:{env.int('PORT', 8000)}"
)

BULK_LIMIT = env.int("BULK_LIMIT", 100_000)  # rows that one bulk action changes, in the background beyond 200

# What people attach: never below what is served. One file takes at most so many megabytes of 1,000,000 bytes; what comes
# beyond that is read and dropped, by the first of the handlers.
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", "") or LOCAL_DIR / "files")
ATTACHMENT_MOST_MB = env.int("ATTACHMENT_MOST_MB", 25)
IMPORT_MOST_MB = env.int("IMPORT_MOST_MB", 1000)
FILE_UPLOAD_HANDLERS = [
    "crm.lib.uploads.Limit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"  # what the worker does stands in the jobs.py of each app

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("fi", "Suomi"),
    ("nb", "Norsk bokmål"),
    ("de", "Deutsch"),
    ("nl", "Nederlands"),
    ("it", "Italiano"),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # what is stored; people see the company's or their own zone

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

COUNTRIES_OVERRIDE = {"XK": "Kosovo"}  # no ISO country, but addresses have it

PGHISTORY_MIDDLEWARE_METHODS = ("POST",)  # nothing that it tracks is written by a GET

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
        "base-uri": [SELF],
        "object-src": ["'none'"],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "crm.lib.refusals.Discreet", "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "WARNING")},
}


# e-mail is unique whatever its case, by a constraint on lower(email)
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
