"""The demo's story, played without a person over real HTTP."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

from example_project.demo.browser import Browser, Page, UnexpectedPage

PATIENCE = 90.0
# Ids on the page.
CARD, USUAL = "package", "usual"


class Story:
    """One user's way with one link; each step raises `UnexpectedPage` when it goes wrong."""

    def __init__(self, site_url: str, sandbox_url: str, site_log: Path) -> None:
        self._site_url, self._sandbox_url, self._site_log = site_url, sandbox_url, site_log
        self._browser = Browser()
        self._uid = ""

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        """Return the steps with what each shows, in their order."""
        return [
            ("signed in as the demo user", self._sign_in),
            ("connected a Buffer account, consent page and all", self._connect),
            ("beat and worker refreshed the link", self._wait_for_refresh),
            ("called Buffer's API", self._call),
            ("two workers at once: one refresh, and usual code lost its link", self._race),
            ("removed the site's access at Buffer", self._revoke),
            ("the API answered 401, and the link is ended: revoked_at_buffer", self._meet_401),
            ("reconnected the same link", self._reconnect),
        ]

    def play(self) -> Iterator[tuple[str, float]]:
        """Play the steps; yield what each showed and the seconds it took."""
        with self._browser:
            for text, step in self.steps():
                started = time.monotonic()
                step()
                yield text, time.monotonic() - started

    def _sign_in(self) -> None:
        self._browser.open(self._site_url)
        self._browser.press("Sign in as the demo user")

    def _connect(self) -> None:
        self._browser.follow("Connect Buffer")
        self._authorize()
        self._uid = self._card()["uid"]
        self._expect(status="active", generation="1")

    def _authorize(self) -> None:
        page = self._browser.press("Continue to Buffer")
        if not page.url.startswith(self._sandbox_url):
            raise UnexpectedPage(f"{page} is not Buffer's consent page.")
        page = self._browser.press("Allow")
        if not page.url.startswith(self._site_url) or CARD not in page.data:
            raise UnexpectedPage(f"{page} is not where the connection was asked for.")

    def _wait_for_refresh(self) -> None:
        give_up = time.monotonic() + PATIENCE
        while int(self._card()["generation"]) < 2:
            if time.monotonic() > give_up:
                raise UnexpectedPage(f"No refresh came within {PATIENCE:.0f} seconds.")
            time.sleep(0.3)
        self._expect(status="active")

    def _call(self) -> None:
        page = self._press("Call the API")
        if "API call answered" not in page.text:
            raise UnexpectedPage(f"{page} does not show the answer of Buffer's API.")

    def _race(self) -> None:
        before = int(self._card()["generation"])
        self._press("Two workers at once")
        self._expect(status="active", alive="yes", generation=str(before + 1))
        self._expect(USUAL, alive="no")

    def _revoke(self) -> None:
        response = requests.post(
            f"{self._sandbox_url}/sandbox/revoke", json={"account": "account-1"}, timeout=5
        )
        if not response.json().get("revoked"):
            raise UnexpectedPage("The sandbox knows no grant of the connected account.")
        self._expect(status="active", alive="no")

    def _meet_401(self) -> None:
        self._press("Call the API")
        self._expect(status="revoked", reason="revoked_at_buffer")
        if "access_token=rejected" not in self._site_log.read_text(encoding="utf-8"):
            raise UnexpectedPage("The site's log tells of no access token that was rejected.")

    def _reconnect(self) -> None:
        self._browser.open(self._site_url)
        self._browser.follow("Reconnect")
        self._authorize()
        self._expect(status="active", reason="", uid=self._uid, generation="1")
        self._call()

    def _press(self, button: str) -> Page:
        self._browser.open(self._site_url)
        return self._browser.press(button)

    def _card(self, card: str = CARD) -> dict[str, str]:
        page = self._browser.open(self._site_url)
        if card not in page.data:
            raise UnexpectedPage(f"{page} has no card {card!r}.")
        return page.data[card]

    def _expect(self, card: str = CARD, **facts: str) -> None:
        shown = self._card(card)
        wrong = [f"{name} {shown.get(name)!r}" for name in facts if shown.get(name) != facts[name]]
        if wrong:
            wanted = ", ".join(f"{name} {value!r}" for name, value in facts.items())
            raise UnexpectedPage(f"The card shows {', '.join(wrong)} instead of {wanted}.")
