"""A small browser for the demo's story: pages, their forms, cookies and redirects."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin

import requests

TIMEOUT = 30


class UnexpectedPage(Exception):
    """A page is not what the story expects; the text says how."""


class Form:
    """A form with its fields' values and its buttons' texts."""

    def __init__(self, action: str, method: str) -> None:
        self.action, self.method = action, method.upper()
        self.fields: list[tuple[str, str]] = []
        self.buttons: list[tuple[str, str, str]] = []

    def data(self, button: str, filled: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return what pressing `button` sends, with fields `filled` in by name."""
        named = [(name, value) for text, name, value in self.buttons if text == button and name]
        fields = [(name, filled.get(name, value)) for name, value in self.fields]
        return fields + named


class Page(HTMLParser):
    """What the story needs to know of a page."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__()
        self.url, self.status = response.url, response.status_code
        self.text, self.forms = "", list[Form]()
        self.links: list[tuple[str, str]] = []
        self.data: dict[str, dict[str, str]] = {}
        self._pressed: tuple[str, str] | None = None
        self._href: str | None = None
        self._words = ""
        self.feed(response.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms, fields, buttons, links and the `data-` attributes of elements with an id."""
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self.url, named.get("action", ""))
            self.forms.append(Form(action, named.get("method", "get")))
        elif tag == "input":
            self._note_field(named)
        elif tag == "button":
            self._pressed, self._words = (named.get("name", ""), named.get("value", "")), ""
        elif tag == "a":
            self._href, self._words = named.get("href", ""), ""
        data = {name[5:]: value for name, value in named.items() if name.startswith("data-")}
        if data and "id" in named:
            self.data[named["id"]] = data

    def handle_endtag(self, tag: str) -> None:
        """A button's or a link's text is whole."""
        words = " ".join(self._words.split())
        if tag == "button" and self._pressed is not None and self.forms:
            self.forms[-1].buttons.append((words, *self._pressed))
            self._pressed = None
        elif tag == "a" and self._href is not None:
            self.links.append((words, urljoin(self.url, self._href)))
            self._href = None

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self._words += data
        self.text += data

    def form_with(self, button: str) -> Form:
        """Return the form that has a button of this text."""
        for form in self.forms:
            if any(text == button for text, _, _ in form.buttons):
                return form
        raise UnexpectedPage(f"{self} has no button {button!r}.")

    def link_to(self, words: str) -> str:
        """Return the address of the link with this text."""
        for text, href in self.links:
            if text == words:
                return href
        raise UnexpectedPage(f"{self} has no link {words!r}.")

    def __str__(self) -> str:
        return f"The page at {self.url.partition('?')[0]} (HTTP {self.status})"

    def _note_field(self, named: dict[str, str]) -> None:
        is_choice = named.get("type") in {"checkbox", "radio"}
        if self.forms and named.get("type") == "submit":
            words = named.get("value", "")
            self.forms[-1].buttons.append((words, named.get("name", ""), words))
        elif self.forms and named.get("name") and ("checked" in named or not is_choice):
            self.forms[-1].fields.append((named["name"], named.get("value", "")))


class Browser:
    """Opens pages, fills in fields and presses buttons, one after the other."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self.page: Page | None = None

    def open(self, url: str) -> Page:
        """Go to an address."""
        return self._show(self._session.get(url, timeout=TIMEOUT))

    def press(self, button: str, **filled: str) -> Page:
        """Press a button of the page that is open, with fields filled in, and go where it leads."""
        page = self._page
        form = page.form_with(button)
        return self._show(
            self._session.request(
                form.method,
                form.action,
                data=form.data(button, filled),
                headers={"Referer": page.url},
                timeout=TIMEOUT,
            )
        )

    def follow(self, words: str) -> Page:
        """Follow a link of the page that is open."""
        return self.open(self._page.link_to(words))

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def _page(self) -> Page:
        if self.page is None:
            raise UnexpectedPage("No page is open.")
        return self.page

    def _show(self, response: requests.Response) -> Page:
        self.page = Page(response)
        if response.status_code >= requests.codes.bad_request:
            raise UnexpectedPage(f"{self.page} says: {' '.join(self.page.text.split())[:300]}")
        return self.page
