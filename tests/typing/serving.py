"""A site under an ASGI server, and a job of a queue whose processes wait for no thread."""

from uuid import UUID

from django.core.asgi import get_asgi_application

from buffer_connect.asgi import finishing_refreshes
from buffer_connect.client import BufferClient, finish_refreshes

application = finishing_refreshes(get_asgi_application())


def job(uid: UUID) -> str:
    try:
        return BufferClient.for_link(uid).get_access_token()
    finally:
        finish_refreshes()
