"""A site that uses every public name, for mypy to read as strictly as a site may ask for.

`make check` does that; `tests/test_typing.py` compares the names with `docs/reference`.
"""
