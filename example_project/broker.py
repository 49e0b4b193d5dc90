"""The Celery settings that a CELERY_BROKER_URL stands for."""

from pathlib import Path
from typing import Any

from example_project.folder import private_folder

FILESYSTEM = "filesystem://"


def transport_options(url: str, folder: Path) -> dict[str, Any]:
    """Return CELERY_BROKER_TRANSPORT_OPTIONS for `url`; files go into `folder`.

    Messages that were taken are kept: otherwise kombu passes them through the folder for
    temporary files that all users share.
    """
    if url != FILESYSTEM:
        return {}
    messages, taken, control = (
        private_folder(folder / name) for name in ("messages", "taken", "control")
    )
    return {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "store_processed": True,
        "processed_folder": str(taken),
        "control_folder": str(control),
        "polling_interval": 0.2,
    }
