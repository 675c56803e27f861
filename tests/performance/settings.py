"""The product's settings on a database of its own, as `make run` has them: DEBUG off, the pool on."""

import os

from crm.settings import *  # noqa: F403
from crm.settings import BASE_DIR, DATABASES, STORAGES

DEBUG = False
DATABASES["default"]["NAME"] = os.environ["BENCH_DATABASE"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # nothing is collected
STATIC_ROOT = BASE_DIR / "static"
