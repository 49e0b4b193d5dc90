"""How the links are doing, in numbers, and what of it needs somebody's attention."""

from buffer_connect.flows.status.reading import Key, Status, Waiting, keys, read
from buffer_connect.flows.status.verdict import Finding, Level, Limits, judge, worst

__all__ = [
    "Finding",
    "Key",
    "Level",
    "Limits",
    "Status",
    "Waiting",
    "judge",
    "keys",
    "read",
    "worst",
]
