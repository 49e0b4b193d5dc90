"""Settings of the example site, from the environment.

| variable | default |
|---|---|
| DATABASE_URL | an SQLite file in the demo's folder |
| CELERY_BROKER_URL | `filesystem://`, in the demo's folder; `redis://…` and `amqp://…` as usual |
| BUFFER_CLIENT_ID | none: the local sandbox stands in for Buffer |
| BUFFER_CLIENT_SECRET | none: a public client |
| BUFFER_CONNECT_KEYS | a key of its own, made at the first start |
| BUFFER_REDIRECT_URI | built from the request |
| DJANGO_DEBUG | 1 |
| DEMO_FOLDER | `.demo` in the checkout |

SANDBOX_URL and SANDBOX_ACCESS_LIFE are set by `manage.py demo` for the processes it starts.
"""

import os
from datetime import timedelta
from urllib.parse import urlsplit

import django
from django.core.management.utils import get_random_secret_key

from buffer_connect.schedule import beat_schedule
from buffer_connect.sealing import generate_entry
from example_project import broker, databases
from example_project.folder import demo_folder, kept

DEMO_FOLDER = demo_folder()

DEBUG = os.environ.get("DJANGO_DEBUG", "1") not in {"", "0", "false", "False"}
SECRET_KEY = kept(DEMO_FOLDER / "secret_key", get_random_secret_key)
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "page"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "buffer_connect",
    "example_project",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DATABASES = {
    "default": databases.from_url(
        os.environ.get("DATABASE_URL") or f"sqlite:///{DEMO_FOLDER / 'db.sqlite3'}"
    ),
}
AUTH_PASSWORD_VALIDATORS: list[dict[str, str]] = []

BUFFER_CONNECT: dict[str, object] = {
    "CLIENT_ID": os.environ.get("BUFFER_CLIENT_ID"),
    "CLIENT_SECRET": os.environ.get("BUFFER_CLIENT_SECRET") or None,
    "ENCRYPTION_KEYS": (
        os.environ.get("BUFFER_CONNECT_KEYS")
        or kept(DEMO_FOLDER / "buffer_connect_keys", lambda: generate_entry("demo"))
    ).split(","),
    "REDIRECT_URI": os.environ.get("BUFFER_REDIRECT_URI") or None,
}
BEAT_EVERY = timedelta(seconds=60)

# Buffer offers no sandbox: without an app of one's own there, a local one stands in for it.
if not os.environ.get("BUFFER_CLIENT_ID"):
    # Plain http, which the package takes on this machine only and with this mark.
    os.environ.setdefault("OAUTHLIB_INSECURE_TRANSPORT", "1")
    SANDBOX_URL = os.environ.get("SANDBOX_URL") or "http://127.0.0.1:8700"
    SANDBOX_ACCESS_LIFE = int(os.environ.get("SANDBOX_ACCESS_LIFE") or 60)
    BEAT_EVERY = timedelta(seconds=5)
    BUFFER_CONNECT |= {
        "CLIENT_ID": "sandbox-client",
        "CLIENT_SECRET": "sandbox-secret-for-this-machine-only",
        "ISSUER": SANDBOX_URL,
        "API_URL": f"{SANDBOX_URL}/api",
        # A whole life of a link within minutes instead of hours.
        "TIMING": {
            "MARGIN": timedelta(seconds=SANDBOX_ACCESS_LIFE / 2),
            "PREFLIGHT": timedelta(seconds=2),
            "CONNECT": timedelta(seconds=2),
            "READ": timedelta(seconds=8),
            "TOTAL": timedelta(seconds=8),
            "COMMIT": timedelta(seconds=8),
            "SKEW": timedelta(seconds=1),
            "LEASE": timedelta(seconds=20),
            "QUARANTINE": timedelta(seconds=30),
        },
    }

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or broker.FILESYSTEM
CELERY_BROKER_TRANSPORT_OPTIONS = broker.transport_options(
    CELERY_BROKER_URL, DEMO_FOLDER / "broker"
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "buffer_connect_demo"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BEAT_SCHEDULE = {**beat_schedule(every=BEAT_EVERY)}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"hide_query": {"()": "example_project.access_log.HideQuery"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "access": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["hide_query"],
        },
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "buffer_connect": {"level": "INFO"},
        "django.server": {"handlers": ["access"], "level": "INFO", "propagate": False},
    },
}

if django.VERSION >= (6, 0):
    issuer = urlsplit(str(BUFFER_CONNECT.get("ISSUER") or "https://auth.buffer.com"))
    MIDDLEWARE.insert(1, "django.middleware.csp.ContentSecurityPolicyMiddleware")
    SECURE_CSP = {
        "default-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        # The connect button's form ends at Buffer, by a redirect.
        "form-action": ["'self'", f"{issuer.scheme}://{issuer.netloc}"],
    }
