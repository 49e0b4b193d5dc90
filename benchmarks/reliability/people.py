"""The users of a run: they connect, reconnect, and remove the connection at Buffer."""

import hashlib
import random
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.utils import timezone

from benchmarks.reliability.buffer import Buffer
from buffer_connect.exceptions import TokenUnavailable
from buffer_connect.flows.disconnect import disconnect
from buffer_connect.models import BufferLink

SCOPES = ["account:read", "posts:read", "posts:write", "offline_access"]
# A user finds a link ended, and reconnects, after so long.
NOTICED_AFTER = timedelta(seconds=2)
# One in so many users lives on the account of the one before.
SHARES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a link stood at one moment. `token` is the digest of the refresh token, if it has one."""

    link: int
    epoch: str
    generation: int
    status: str
    reason: str
    changed_at: float
    # Until when its access token or a pause gives it time; None when nobody is to refresh it.
    has_time_until: float | None
    token: str
    at: float

    @classmethod
    def of(cls, link: BufferLink) -> "Standing":
        """Return how `link` stands, as it was read now."""
        token = link.open_refresh_token()
        return cls(
            link=link.pk,
            epoch=str(link.epoch),
            generation=link.generation,
            status=link.status,
            reason=link.reason,
            changed_at=link.status_changed_at.timestamp(),
            has_time_until=_has_time_until(link),
            token=hashlib.sha256(token.reveal().encode()).hexdigest() if token else "",
            at=time.time(),
        )


def _has_time_until(link: BufferLink) -> float | None:
    # What was refused while the brake was on waits for the staff.
    is_held_back = link.refused_generation == link.generation
    if link.status != BufferLink.Status.ACTIVE or is_held_back:
        return None
    return max(link.expires_at, link.next_attempt_at or link.expires_at).timestamp()


class People:
    """As many users as links; some share an account, each by a grant of their own."""

    def __init__(self, rng: random.Random, buffer: Buffer) -> None:
        # Each epoch's grant, and how the epochs stood that are over.
        self.grants: dict[tuple[int, str], str] = {}
        self.replaced: list[Standing] = []
        self._rng, self._buffer = rng, buffer

    def connect(self, number: int) -> None:
        """Make `number` users, and let each link an account."""
        users = get_user_model()
        users.objects.bulk_create(users(username=f"user-{n}") for n in range(number))
        for user in users.objects.order_by("pk"):
            self._authorize(user)

    def reconnect_ended(self) -> int:
        """Let those reconnect whose link has ended, or who have ended it; return how many."""
        before = timezone.now() - NOTICED_AFTER
        ended = BufferLink.objects.exclude(status=BufferLink.Status.ACTIVE)
        ended = ended.filter(status_changed_at__lte=before)
        links = list(ended.select_related("user"))
        return sum(map(self._reconnect, links))

    def reconnect_one(self) -> bool:
        """Let somebody reconnect whose link is as good as any."""
        return self._reconnect(self._somebodys())

    def remove_one(self) -> bool:
        """Let somebody remove the connection at Buffer; False when it had ended already."""
        link = self._somebodys()
        return self._buffer.revoke(self.grants[link.pk, str(link.epoch)])

    def disconnect_one(self) -> bool:
        """Let somebody disconnect here; False when others were at the row for too long."""
        link = self._somebodys()
        standing = Standing.of(link)
        try:
            disconnect(link)
        except (TokenUnavailable, OperationalError):
            return False
        self.replaced.append(standing)
        return True

    def standings(self) -> list[Standing]:
        """Return how every epoch stood when it was over, or stands now."""
        there = BufferLink.objects.exclude(status=BufferLink.Status.DISCONNECTED)
        return [*self.replaced, *map(Standing.of, there)]

    def _somebodys(self) -> BufferLink:
        links = BufferLink.objects.active().select_related("user").order_by("pk")
        return self._rng.choice(list(links))

    def _reconnect(self, link: BufferLink) -> bool:
        """Return False when others were at the row for too long: the user tries again later."""
        standing = Standing.of(link)
        try:
            self._authorize(link.user)
        except OperationalError:
            return False
        if link.status != BufferLink.Status.DISCONNECTED:
            self.replaced.append(standing)
        return True

    def _authorize(self, user: Any) -> None:
        """Agree at Buffer, and come back with a new grant."""
        account = f"account-{user.pk - (user.pk % SHARES == 0)}"
        issued = self._buffer.issue(account)
        link = BufferLink.objects.adopt(
            user=user,
            account_id=account,
            access_token=issued["access_token"],
            refresh_token=issued["refresh_token"],
            expires_in=issued["expires_in"],
            scopes=SCOPES,
        )
        self.grants[link.pk, str(link.epoch)] = issued["grant"]
