"""Keeping authorization codes out of the development server's access lines."""

import logging
import re

_QUERY = re.compile(r"\?\S*")


class HideQuery(logging.Filter):
    """Takes the query out of each request line: Buffer's redirect brings code and state in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; keep every one."""
        if isinstance(record.args, tuple):
            record.args = tuple(_without_query(part) for part in record.args)
        return True


def _without_query(part: object) -> object:
    return _QUERY.sub("?(hidden)", part) if isinstance(part, str) else part
