"""Keeping a site's transactions away from what must be committed step by step."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, TypeVar

from django.db import connections, transaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    View = TypeVar("View", bound=Callable[..., Any])


def own_transactions(view: View) -> View:
    """Keep `ATOMIC_REQUESTS` of every database away: what is sent must be written down first."""
    return reduce(
        lambda marked, alias: transaction.non_atomic_requests(using=alias)(marked),
        connections,
        view,
    )
