"""For a worker in a process of its own beside a test: the test's database and files, as the test says by the environment."""

import json
import os

from crm.settings import *  # noqa: F403
from crm.settings import DATABASES

DATABASES["default"] = json.loads(os.environ["DATABASE_OF_THE_TEST"]) | {"OPTIONS": DATABASES["default"]["OPTIONS"]}
