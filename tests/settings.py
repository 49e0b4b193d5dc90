"""The tests' site. DATABASE_URL picks another database than SQLite."""

import os
from pathlib import Path

from buffer_connect.schedule import beat_schedule
from example_project import databases

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "tests only"
DEBUG = False
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
ROOT_URLCONF = "tests.urls"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "buffer_connect",
    "tests.example.apps.ExampleTables",
]
MIDDLEWARE = [
    "tests.browser.policy.ContentSecurityPolicy",
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
# The name is never opened by the tests: they make a database of their own from it, which need not
# survive a power cut.
SQLITE_URL = (
    f"sqlite:///{BASE_DIR / 'db.sqlite3'}"
    "?init_command=PRAGMA%20journal_mode%3DWAL%3B%20PRAGMA%20synchronous%3DOFF"
)
DATABASES = {"default": databases.from_url(os.environ.get("DATABASE_URL") or SQLITE_URL)}

LOGIN_URL = "admin:login"
CELERY_BEAT_SCHEDULE = {**beat_schedule()}

BUFFER_CONNECT = {
    "CLIENT_ID": "tests-client",
    "CLIENT_SECRET": "tests-client-secret",
    "ENCRYPTION_KEYS": ["tests:CNsp/e3ROkLRfluX0trN4uc7u7At0Ow6Pgf3XdZgUtg="],
    "REDIRECT_URI": "https://testserver/buffer/callback/",
    # What is not about the bucket does not wait for it.
    "TIMING": {"SENDS_PER_SECOND": 100_000},
}
