"""A page as people see it: wide and narrow, light and dark; and what axe finds in each."""

import importlib
from itertools import product

WIDTHS = {"desktop": 1280, "phone": 360}
SCHEMES = ("light", "dark")
LOOKS = list(product(WIDTHS, SCHEMES))
HEIGHT = 800
# Preloading would fetch stylesheets by script, which the policy forbids.
OPTIONS = {"resultTypes": ["violations"], "preload": False}
# The admin's links take some time to change their colours.
SETTLED = "Promise.allSettled(document.getAnimations().map((each) => each.finished))"
HIDDEN_TO_THE_RIGHT = "document.documentElement.scrollWidth - innerWidth"


def look(page, width, scheme):
    page.set_viewport_size({"width": WIDTHS[width], "height": HEIGHT})
    page.emulate_media(color_scheme=scheme)
    page.evaluate(SETTLED)


def faults(page, within=None):
    """Return what is wrong with the open page in any look, a line each; or with a part of it."""
    return [fault for each in LOOKS for fault in _faults(page, within, *each)]


def _faults(page, within, width, scheme):
    axe = importlib.import_module("axe_playwright_python.sync_playwright").Axe()
    look(page, width, scheme)
    if page.evaluate(HIDDEN_TO_THE_RIGHT) > 0:
        yield f"{width} {scheme}: wider than the screen"
    for violation in axe.run(page, within, OPTIONS).response["violations"]:
        places = [" ".join(node["target"]) for node in violation["nodes"]]
        yield f"{width} {scheme}: {violation['id']} at {', '.join(places)}"
