// Keeps the cards as they are on the server; without it, reload the page.
"use strict";

async function follow() {
  const shown = document.getElementById("cards");
  if (!document.hidden && !shown.contains(document.activeElement)) {
    const response = await fetch(location.pathname);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("cards");
    if (fresh && fresh.textContent !== shown.textContent) {
      shown.replaceWith(fresh);
    }
  }
}

setInterval(() => follow().catch(() => {}), 2000);
