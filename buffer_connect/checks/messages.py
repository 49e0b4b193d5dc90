"""How a message of this app is made: its id, and a hint that can be pasted."""

from __future__ import annotations

from django.core.checks import Error
from django.core.checks import Warning as Advice


def error(number: str, message: str, hint: str) -> Error:
    """Return what keeps the app from working."""
    return Error(message, hint=hint, id=f"buffer_connect.{number}")


def advice(number: str, message: str, hint: str) -> Advice:
    """Return what works, and perhaps not as it was meant."""
    return Advice(message, hint=hint, id=f"buffer_connect.{number}")
