"""Every setting comes from the environment or `.env`; `.env.example` documents them all."""

import logging
import os
import socket
import sys
from typing import Any
from urllib.parse import urlsplit

from environ import Env

from neuroroute import places
from neuroroute.environment import (
    DATABASE_SCHEMES,
    EMBEDDED_SCHEMES,
    SettingError,
    is_loopback,
    local_url,
    usual_smtp_port,
)
from neuroroute.logs import logging_config
from neuroroute.places import BASE_DIR, VAR_DIR, env
from neuroroute.redaction import secrets_in
from neuroroute.unfold import UNFOLD as UNFOLD

# Where it is reached.
HOST = env.text("HOST", "127.0.0.1").strip("[]")
PORT = env.number("PORT", 8000, 1, 65535)
PUBLIC_URL = env.url("PUBLIC_URL", "", ("http", "https"), "https://llm.example.com").rstrip("/")
GATEWAY_URL = env.url("GATEWAY_URL", "", ("http", "https"), "http://web:8000").rstrip("/") or local_url(HOST, PORT)
PROXY_SOCKET = env.socket("PROXY_SOCKET")  # where a proxy of this machine finds the web workers, beside HOST and PORT
WEB_WORKERS = env.number("WEB_WORKERS", 1, 1, 64)
GRACE_S = env.number("GRACE_S", 30, 0, 3600)  # running answers get so long when a web worker is to end
SLOW_CLIENT_S = env.number("SLOW_CLIENT_S", 30, 1, 3600)  # who takes nothing of an answer for so long is cut off
MAX_BODY_BYTES = env.number("MAX_BODY_BYTES", 32 * 1024 * 1024, 1024, 1024**3)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
MAX_EVENT_BYTES = env.number("MAX_EVENT_BYTES", 1024 * 1024, 1024, 1024**3)  # of one event or line of an upstream
MACHINE_NAMES = ["127.0.0.1", "localhost", "[::1]"]
if not is_loopback(HOST):
    MACHINE_NAMES += [socket.gethostname(), *([] if HOST in {"0.0.0.0", "::"} else [HOST])]
MACHINE_NAMES += [urlsplit(url).hostname or "" for url in (GATEWAY_URL, PUBLIC_URL) if url]
ALLOWED_HOSTS = env.texts("ALLOWED_HOSTS", dict.fromkeys(MACHINE_NAMES))

# Services; empty means the embedded stand-in, which needs no server.
DATABASE_URL = env.url("DATABASE_URL", "", DATABASE_SCHEMES, "postgres://user:password@127.0.0.1:5432/neuroroute")
REDIS_URL = env.url("REDIS_URL", "", ("redis", "rediss", "unix"), "redis://127.0.0.1:6379/0")
REDIS_PREFIX = env.text("REDIS_PREFIX", "neuroroute")
CELERY_BROKER_URL = env.url(
    "CELERY_BROKER_URL", "", ("amqp", "amqps", "redis", "rediss"), "amqp://guest:guest@127.0.0.1:5672//"
)
EMBEDDED = not DATABASE_URL or DATABASE_URL.startswith(EMBEDDED_SCHEMES)
# The demo: a database of our own that only this machine can reach. Elsewhere a placeholder is not a secret.
DEMO = EMBEDDED and is_loopback(HOST) and not PUBLIC_URL and set(ALLOWED_HOSTS) <= {*MACHINE_NAMES, "::1"}
if WEB_WORKERS > 1 and not REDIS_URL:
    raise SettingError(
        "WEB_WORKERS", "several web workers share limits and health through Redis, and REDIS_URL is empty.", "1"
    )

# Secrets; `manage.py serve` makes those that are missing and refuses placeholders outside the demo.
SECRET_KEY = env.text("SECRET_KEY", "insecure-until-first-run")
SECRETS_KEYS = env.texts("SECRETS_KEYS", ["insecure-until-first-run"])
CLIENT_KEY_PEPPER = env.text("CLIENT_KEY_PEPPER", "insecure-until-first-run")

# Behaviour.
SANDBOX = env.choice("SANDBOX", "auto", ("auto", "on", "off"))
# The public price list that is read every day, and another address of it; empty: none is read.
PRICE_LIST = env.choice("PRICE_LIST", "", ("", "litellm", "models.dev", "openrouter"))
PRICE_LIST_URL = env.url("PRICE_LIST_URL", "", ("https", "http"), "https://mirror.example.com/prices.json")
SECOND_FACTOR_REQUIRED = env.flag("SECOND_FACTOR_REQUIRED", False)  # from staff; else each decides for itself
RATE_LIMIT_FAIL_OPEN = env.flag("RATE_LIMIT_FAIL_OPEN", True)
RATE_LIMIT_MACHINES = env.number("RATE_LIMIT_MACHINES", 1, 1, 1000)  # that share REDIS_URL
REQUEST_DEADLINE_S = env.number("REQUEST_DEADLINE_S", 1800, 1, 86_400)  # all attempts together, the stream included
RATE_LIMIT_PATIENCE_S = env.number("RATE_LIMIT_PATIENCE_S", 5, 0, 300)  # for a rate limit upstream that is soon over
STREAM_HEADERS_AFTER_S = env.number("STREAM_HEADERS_AFTER_S", 15, 1, 3600)  # until then an error still has its status
KEEP_ALIVE_S = env.number("KEEP_ALIVE_S", 10, 1, 3600)  # between comments in a stream that waits
JOB_LEASE_S = env.number("JOB_LEASE_S", 30, 1, 3600)  # after so long without a sign of life another worker takes a job
RECORDS_KEPT_DAYS = env.number("RECORDS_KEPT_DAYS", 90, 1, 36_500)  # of requests and attempts; sums are kept longer
BACKUP_KEEP = env.number("BACKUP_KEEP", 7, 1, 10_000)  # copies that the daily job leaves in VAR_DIR/backups
METRICS_TOKEN = env.text("METRICS_TOKEN")
LOG_LEVEL = env.choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error"))
LOG_FORMAT = env.choice("LOG_FORMAT", "text", ("text", "json"))
LOG_SAMPLE_PERCENT = env.number("LOG_SAMPLE_PERCENT", 100, 0, 100)  # of info lines; warnings and errors are all kept
SLOW_QUERY_MS = env.number("SLOW_QUERY_MS", 1000, 0, 3_600_000)  # 0: nobody looks
LOGGING = logging_config(LOG_LEVEL, LOG_FORMAT, LOG_SAMPLE_PERCENT, secrets_in(os.environ))
logging.captureWarnings(True)  # Python's own are lines like others

# Mail, for alerts; an empty EMAIL_HOST: none is sent.
EMAIL_URL = env.url("EMAIL_URL", "", ("smtp", "smtp+tls", "smtp+ssl"), "smtp+tls://user:password@smtp.example.com:587")
MAIL: dict[str, Any] = Env.email_url_config(EMAIL_URL) if EMAIL_URL else {}
EMAIL_HOST, EMAIL_PORT = MAIL.get("EMAIL_HOST") or "", MAIL.get("EMAIL_PORT") or usual_smtp_port(EMAIL_URL)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL.get("EMAIL_HOST_USER") or "", MAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_URL.startswith("smtp+tls:"), EMAIL_URL.startswith("smtp+ssl:")
EMAIL_TIMEOUT = 10
EMAIL_FROM = env.email("EMAIL_FROM", f"neuroroute@{urlsplit(PUBLIC_URL).hostname or 'localhost'}")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = EMAIL_FROM

DRAINING_FILE = places.DRAINING_FILE

# prometheus-client reads this variable when it is imported, hence before any app is.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(places.METRICS_DIR))

DEBUG = False
ROOT_URLCONF = "neuroroute.urls"
ASGI_APPLICATION = "neuroroute.asgi.application"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["neuroroute.formats"]
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "django_prometheus",
    "neuroroute",
    "providers",
    "tenants",
    "usage",
    "profiling",
    "feedback",
    "routing",
    "dashboard",
]
if "runserver" in sys.argv[1:2]:  # Daphne's development server; twisted would cost every other process 0.5 s and 14 MB
    INSTALLED_APPS.insert(0, "daphne")
MIDDLEWARE = [
    "neuroroute.requestids.RequestIds",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "neuroroute.adminpolicy.AdminPolicy",
    "neuroroute.compression.PageCompression",  # before what serves files
    "neuroroute.staticfiles.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.verified.verified_sessions",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
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
            ]
        },
    }
]

# Readers and one writer at a time: WAL, and a write transaction takes its lock at BEGIN instead of failing half-way.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;",
}
# Many short-lived threads ask: a pool, which wants CONN_MAX_AGE 0; its health check replaces what a restart broke. It
# doubles its pauses while the database is away, and begins anew when it has given up and somebody asks: so it gives up
# soon, and all works again within five seconds of the database's return.
POSTGRES_OPTIONS = {
    "pool": {"min_size": 1, "max_size": 8, "timeout": 4, "reconnect_timeout": 2},
    "connect_timeout": 3,
    # Compiling a query takes a tenth of a second and starting processes to share it ten to twenty milliseconds, which
    # none of ours is worth; and they would take the processors that answer.
    "options": "-c jit=off -c max_parallel_workers_per_gather=0",
}
DATABASE: dict[str, Any] = Env.db_url_config(DATABASE_URL or f"sqlite:///{VAR_DIR / 'neuroroute.sqlite3'}")
DATABASE["OPTIONS"] = (SQLITE_OPTIONS if EMBEDDED else POSTGRES_OPTIONS) | DATABASE.get("OPTIONS", {})
DATABASE["CONN_HEALTH_CHECKS"] = not EMBEDDED
DATABASE["CONN_MAX_AGE"] = 0
DATABASES = {"default": DATABASE}

CACHES: dict[str, dict[str, Any]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": REDIS_PREFIX,
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 2, "SOCKET_TIMEOUT": 2},
    }
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": f"{REDIS_PREFIX}:channels"},
    }

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # served from where the packages keep them: no build step, no copy to go stale
AUTHENTICATION_BACKENDS = ["dashboard.signedin.People"]
OTP_TOTP_ISSUER = "NeuroRoute"  # what the list in a person's phone calls us
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# Behind TLS (a proxy that ends it): cookies by https only, plain http is sent on, browsers remember it.
HTTPS = PUBLIC_URL.startswith("https://")
CSRF_FAILURE_VIEW = "dashboard.returning.not_accepted"
CSRF_TRUSTED_ORIGINS = env.texts("CSRF_TRUSTED_ORIGINS", [PUBLIC_URL] if PUBLIC_URL else [])
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(api/)?(health|metrics)(/|$)"]  # asked from inside, by address and without TLS
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if HTTPS else 0
PROXY_HEADER = env.texts("SECURE_PROXY_SSL_HEADER", ["HTTP_X_FORWARDED_PROTO", "https"] if HTTPS else [])
SECURE_PROXY_SSL_HEADER = (PROXY_HEADER[0], PROXY_HEADER[-1]) if PROXY_HEADER else None
# Sub-domains and the preload list concern the whole domain, which is not ours to speak for.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021", "models.W040"]  # W040: SQLite needs no covering index
SELF = "'self'"
CONTENT_SECURITY_POLICY = {  # for the admin's pages: neuroroute.adminpolicy
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
}

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "NeuroRoute",
    "DESCRIPTION": "A self-hosted LLM router: each chat request is answered by the model that serves it best.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.1",  # the contracts' schemas say null by a type of its own, which 3.0 lacks
    "SERVE_INCLUDE_SCHEMA": False,
    "TAGS": [  # in the order of the page: what most people look for stands first
        {"name": "Data plane", "description": "What applications call, with a client key."},
        {"name": "Health", "description": "For load balancers and monitoring."},
        {"name": "Operator", "description": "What the admin can do, for scripts with an operator's key."},
    ],
    "PREPROCESSING_HOOKS": ["routing.api.contracts.without_aliases"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "routing.api.contracts.add_components",
        "routing.api.repeatable.add_idempotency_keys",
        "routing.api.operator.documents.add_components",
        "routing.api.answerexamples.add_examples",
    ],
    "APPEND_COMPONENTS": {"securitySchemes": {"clientKey": {"type": "http", "scheme": "bearer"}}},
    "SECURITY": [{"clientKey": []}],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
