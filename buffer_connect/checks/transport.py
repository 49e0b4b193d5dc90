"""Checks of the way that tokens travel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buffer_connect.addresses import insecure_transport
from buffer_connect.checks.messages import error
from buffer_connect.site import is_in_development

if TYPE_CHECKING:
    from django.core.checks import CheckMessage


def check_insecure_transport(**kwargs: Any) -> list[CheckMessage]:
    """E016: the switch that allows plain http is on while `DEBUG` is off in the site's settings.

    At run time the settings refuse plain http to every host but loopback, switch or no switch.
    """
    if is_in_development() or not insecure_transport():
        return []
    message = "OAUTHLIB_INSECURE_TRANSPORT is set and DEBUG is off; any value counts, 0 too."
    return [error("E016", message, "unset OAUTHLIB_INSECURE_TRANSPORT")]
