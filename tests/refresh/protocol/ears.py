"""Hears every log record, at every level."""

import logging


class Ears(logging.Handler):
    def __init__(self):
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
        self.texts = []

    def emit(self, record):
        self.texts.append(f"{self.format(record)} {record.args!r}")

    def heard(self):
        """Return what was logged since the last time."""
        texts, self.texts = self.texts, []
        return texts

    def __enter__(self):
        root = logging.getLogger()
        self.level_before = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self)
        return self

    def __exit__(self, *exc_info):
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self.level_before)
