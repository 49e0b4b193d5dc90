"""The server's settings; TOOLKIT_FOLDER holds its database."""

import os
from pathlib import Path

from example_project import databases

SECRET_KEY = "the toolkit's server"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.toolkit.server.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Client secrets are hashed too, at each token request.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "oauth2_provider",
]
MIDDLEWARE = [
    "tests.toolkit.server.control.Recorded",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tests.toolkit.server.accounts.SignedIn",
]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.RemoteUserBackend"]
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
]
DATABASES = {
    "default": databases.from_url(f"sqlite:///{Path(os.environ['TOOLKIT_FOLDER']) / 'db.sqlite3'}"),
}
# The tables are made from the models at once: dozens of migrations take seconds.
MIGRATION_MODULES = dict.fromkeys(["auth", "contenttypes", "sessions", "oauth2_provider"])

SCOPES = ["account:read", "posts:read", "posts:write", "offline_access"]
OAUTH2_PROVIDER = {
    "SCOPES": {scope: f"May {scope}" for scope in SCOPES},
    # Not the hour that a client might take for granted.
    "ACCESS_TOKEN_EXPIRE_SECONDS": 7200,
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "PKCE_REQUIRED": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
}
