"""The tests' site with a user model whose primary key is a UUID."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as _INSTALLED_APPS

INSTALLED_APPS = [*_INSTALLED_APPS, "tests.accounts"]
AUTH_USER_MODEL = "accounts.User"
