"""The rows of the package, and the statements that change them."""

from buffer_connect.models.event import LinkEvent
from buffer_connect.models.link import BufferLink
from buffer_connect.models.outbox import PendingRevocation
from buffer_connect.models.request import AuthorizationRequest
from buffer_connect.models.service import ServiceState

__all__ = [
    "AuthorizationRequest",
    "BufferLink",
    "LinkEvent",
    "PendingRevocation",
    "ServiceState",
]
