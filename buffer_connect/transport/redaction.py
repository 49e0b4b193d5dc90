"""Keeps the secrets out of what requests-oauthlib and oauthlib log at DEBUG."""

from __future__ import annotations

import logging

# A filter sees only what is logged to its own logger, not to the loggers below.
LOGGERS = ("oauthlib", "requests_oauthlib", "requests_oauthlib.oauth2_session")


def redact(record: logging.LogRecord) -> bool:
    """Keep the record's message and numbers, and replace all else that it would show."""
    # A single dict is not wrapped in a tuple by logging.
    arguments = record.args if isinstance(record.args, tuple) else (record.args,)
    if record.args:
        record.args = tuple(
            argument if isinstance(argument, int) else "[redacted]" for argument in arguments
        )
    return True


def install() -> None:
    """Redact what these libraries log from now on, whoever uses them."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(redact)
