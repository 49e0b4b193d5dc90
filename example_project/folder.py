"""The demo's own folder: what is made at the first start and kept out of the repository."""

import os
from collections.abc import Callable
from pathlib import Path

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
CHECKOUT = Path(__file__).resolve().parent.parent


def demo_folder() -> Path:
    """Return DEMO_FOLDER, by default `.demo` in the checkout."""
    return private_folder(Path(os.environ.get("DEMO_FOLDER") or CHECKOUT / ".demo"))


def private_folder(path: Path) -> Path:
    """Return `path`, made for the user who runs this and nobody else."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(PRIVATE_FOLDER)
    return path


def kept(path: Path, make: Callable[[], str]) -> str:
    """Return the text of `path`, made by `make` when there is none.

    Of several processes that start at once, one makes it and the others read it.
    """
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(PRIVATE_FILE)
        fresh.write_text(make(), encoding="utf-8")
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass  # another process was first
        fresh.unlink()
    return path.read_text(encoding="utf-8")
