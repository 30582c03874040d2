"""Settings of the test run: the embedded defaults, in a directory of its own, whatever the environment says.

Processes that a test starts inherit them, unless the test says otherwise.
"""

import os
import tempfile

from providers.vendors import VENDORS

UPSTREAMS = {name for vendor in VENDORS for name in (*vendor.url_names, *vendor.key_names)}
SERVICES = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "WEB_WORKERS", "HOST", "PORT", "SANDBOX", "PUBLIC_URL"}
SERVICES |= {"EMAIL_URL", "EMAIL_FROM"}

MADE_VAR_DIR = "NEUROROUTE_TEST_DIR" not in os.environ  # else it is that of the run that started this process
if MADE_VAR_DIR:
    for name in UPSTREAMS | SERVICES | {"PROMETHEUS_MULTIPROC_DIR"}:
        os.environ.pop(name, None)
    directory = tempfile.mkdtemp(prefix="neuroroute-tests-")
    os.environ |= {
        "NEUROROUTE_TEST_DIR": directory,
        "ENV_FILE": os.devnull,
        "VAR_DIR": directory,
        "SECRET_KEY": "only-for-tests-0123456789-0123456789-0123456789-0123456789",
        "SECRETS_KEYS": "only-for-tests-of-sealing-0123456789",
        "CLIENT_KEY_PEPPER": "only-for-tests-of-client-keys-0123456789",
        # The whole suite can be run on PostgreSQL: TEST_DATABASE_URL=postgres://... make test
        "DATABASE_URL": os.environ.get("TEST_DATABASE_URL", ""),
    }

from neuroroute.settings import *  # noqa: E402, F403
from neuroroute.settings import DATABASES, EMBEDDED, VAR_DIR  # noqa: E402

if EMBEDDED:
    # A file, because an in-memory database locks whole tables between threads.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick; nothing here depends on its strength
