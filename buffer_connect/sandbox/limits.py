"""Rate limits of the API: several fixed windows for each client and account."""

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from buffer_connect.sandbox.options import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left after one request; `window` names the exhausted one, `retry_after` is in seconds."""

    headers: dict[str, str]
    window: str | None = None
    retry_after: int = 0


@dataclass(slots=True)
class _Count:
    start: float
    used: int = 0


class Quotas:
    """Counts requests of each account in each window."""

    def __init__(self, options: Options, now: Callable[[], float]) -> None:
        self._windows = options.quotas
        self._form = options.quota_headers
        self._now = now
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], _Count] = {}

    def take(self, account: str, *, enforce: bool) -> Allowance:
        """Count one request, unless a window that is enforced has none left."""
        with self._lock:
            counts = {name: self._count(account, name) for name in self._windows}
            full = next(
                (name for name in counts if counts[name].used >= self._windows[name][1]), None
            )
            if full is None or not enforce:
                for count in counts.values():
                    count.used += 1
                full = None
            return Allowance(
                headers=self._headers(account, counts),
                window=full,
                retry_after=self._remaining_seconds(full, counts[full]) if full else 0,
            )

    def _count(self, account: str, name: str) -> _Count:
        count = self._counts.get((account, name))
        if count is None or self._now() >= count.start + self._windows[name][0]:
            count = self._counts[account, name] = _Count(self._now())
        return count

    def _remaining_seconds(self, name: str, count: _Count) -> int:
        return max(1, round(count.start + self._windows[name][0] - self._now()))

    def _headers(self, account: str, counts: Mapping[str, _Count]) -> dict[str, str]:
        if self._form == "structured":
            return self._structured(account, counts)
        name = min(counts, key=lambda name: self._windows[name][1] - counts[name].used)
        quota, pause = self._windows[name][1], self._remaining_seconds(name, counts[name])
        # The older of the two tells a moment, the younger a pause.
        is_moment = self._form == "X-RateLimit"
        return {
            f"{self._form}-Limit": str(quota),
            f"{self._form}-Remaining": str(max(0, quota - counts[name].used)),
            f"{self._form}-Reset": str(round(self._now()) + pause if is_moment else pause),
        }

    def _structured(self, account: str, counts: Mapping[str, _Count]) -> dict[str, str]:
        # The names carry no meaning: clients match a policy by its window.
        partition = base64.b64encode(account.encode()).decode()
        left, policies = [], []
        for position, (name, count) in enumerate(counts.items(), start=1):
            seconds, quota = self._windows[name]
            left.append(
                f'"limit-{position}";r={max(0, quota - count.used)};t={self._remaining_seconds(name, count)}'
            )
            policies.append(f'"limit-{position}";q={quota};w={seconds};pk=:{partition}:')
        return {"RateLimit": ", ".join(left), "RateLimit-Policy": ", ".join(policies)}
