"""The product's settings, and the few ways in which a test run differs from it."""

from crm.lib.postgres import embedded_database
from crm.settings import *  # noqa: F403
from crm.settings import DATABASES, LOCAL_DIR, STORAGES
from tests.slots import take_slot

if "EMBEDDED" in DATABASES["default"]:  # a server of its own, apart from the developer's data; losing it costs nothing
    DATABASES["default"] |= embedded_database(LOCAL_DIR, "postgres-for-tests", durable=False)
# Tests of races and the browser's server open a connection in each of their threads, more than the pool hands out.
DATABASES["default"]["OPTIONS"]["pool"] = False
DATABASES["default"]["TEST"] = {"NAME": f"test_crm_{take_slot(LOCAL_DIR)}"}

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True  # nothing is collected for a test run
WHITENOISE_MAX_AGE = 3600  # the browser asks for each file once

MEDIA_ROOT = LOCAL_DIR / "files-for-tests"

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
