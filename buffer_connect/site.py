"""The site around this app: Django's settings and Celery's, for the checks and the tasks.

`conf` reads the settings of this app; what is read here belongs to others and may be missing.
"""

import sys
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# The app that Celery makes up where the site has none, or has not imported it.
_MADE_UP = "default"
_PICKLE = {"pickle", "application/x-python-serialize"}


def setting(name: str, default: Any = None) -> Any:
    """Return Django's setting `name`."""
    return getattr(settings, name, default)


def is_in_development() -> bool:
    """Return whether `DEBUG` is on, or was when the settings module was read.

    Django's test runner turns it off, whatever the module says. Where no module can be asked, the
    setting alone counts.
    """
    module = sys.modules.get(setting("SETTINGS_MODULE") or "")
    return bool(setting("DEBUG") or getattr(module, "DEBUG", False))


def celery_setting(name: str) -> Any:
    """Return Celery's setting `name`, as Celery spells it; None where it is not set.

    Asks the site's Celery app, and `CELERY_…` in Django's settings where no app is imported.
    """
    if current_app.main == _MADE_UP:
        return setting(f"CELERY_{name.upper()}")
    return getattr(current_app.conf, name)


def accepts_pickle() -> bool:
    """Return whether a worker of the site unpickles what comes from the broker."""
    return not _PICKLE.isdisjoint(celery_setting("accept_content") or ())


def refuse_pickle() -> None:
    """Raise `ImproperlyConfigured` where a worker unpickles what comes from the broker."""
    if accepts_pickle():
        raise ImproperlyConfigured(
            "Celery accepts pickle, so whoever can write to its broker runs code where the keys "
            'of the tokens are. Set CELERY_ACCEPT_CONTENT = ["json"].'
        )
