"""What a person does in a tab, and what they see there."""

CONNECT_FIRST = "Connect a Buffer account"
ACCOUNT = "Sandbox account 1"
OTHER_ACCOUNT = "Sandbox account 2"
# The element that has the focus: its text, and the width of the ring around it.
FOCUSED = """() => {
    const style = getComputedStyle(document.activeElement);
    const ring = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
    return [document.activeElement.textContent.trim(), ring];
}"""
MOST_STOPS = 20


def press(page, button):
    page.get_by_role("button", name=button, exact=True).click()


def to_buffer(page, path, button=CONNECT_FIRST):
    """Open a page of the site and press its button; end on the consent page."""
    page.goto(path)
    press(page, button)
    page.get_by_role("button", name="Allow", exact=True).wait_for()


def allow(page, account=ACCOUNT):
    """Agree on the consent page; end on the page that the site shows then."""
    page.get_by_label(account).check()
    press(page, "Allow")


def sees(page, text):
    """Wait until the text can be seen."""
    page.get_by_text(text).first.wait_for()
    return True


def cards(page):
    """Return the names on the links page's cards."""
    return page.locator(".card h2").all_inner_texts()


def tab_stops(page):
    """Walk through a page with the Tab key; return each stop's text and its ring's width."""
    stops = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = tuple(page.evaluate(FOCUSED))
        if not page.evaluate("document.activeElement !== document.body") or stop in stops:
            break
        stops.append(stop)
    return stops


def tab_to(page, text):
    """Press Tab until the focus is on what has this text; raises LookupError."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED)[0] == text:
            return
    raise LookupError(text)
