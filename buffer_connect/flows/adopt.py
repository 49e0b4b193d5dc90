"""Adopting: tokens that were obtained elsewhere are kept from now on."""

import logging
from typing import Any

from buffer_connect.flows import announce
from buffer_connect.flows.connect.store import store
from buffer_connect.models import BufferLink
from buffer_connect.models.granted import Granted

logger = logging.getLogger(__name__)


def keep(user: Any, granted: Granted) -> BufferLink:
    """Make or renew the link of `user` with what was `granted`; the site is told on commit."""
    event = store(user.pk, granted)
    link = BufferLink.objects.using(BufferLink.written_on()).get(pk=event.link_id)
    logger.info("link=%s status=active user=%s cause=adopted", link.uid, user.pk)
    announce.after_commit(event)
    return link
