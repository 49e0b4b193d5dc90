"""Follow the quick start in an empty folder and print how long each step took.

`python -m tests.quickstart`; a person also reads and copies.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import django

from tests.documents import DOCS
from tests.quickstart.reader import Reader


def main():
    text = (DOCS / "quickstart.md").read_text(encoding="utf-8")
    with TemporaryDirectory() as folder, Reader(Path(folder)) as reader:
        reader.follow(text)
        reader.share()
        posts = reader.posts()
    for name, seconds in reader.times:
        tell(seconds, name)
    posted = f"{len(posts)} post at the sandbox"
    tell(sum(seconds for _, seconds in reader.times), f"on Django {django.__version__}: {posted}")
    return 0 if len(posts) == 1 else 1


def tell(seconds, what):
    sys.stdout.write(f"{seconds:6.1f} s  {what}\n")


if __name__ == "__main__":
    sys.exit(main())
