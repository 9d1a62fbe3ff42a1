// Shows what has happened meanwhile on a page that is not settled. Only the parts marked data-live are
// replaced, so nothing that somebody is typing is lost.
"use strict";

const PAUSE_MILLISECONDS = 3000;

async function lookAgain() {
  const response = await fetch(location.href).catch(() => null);
  if (response?.ok && !response.redirected) show(await response.text());
  const isMoving = document.querySelector("[data-moving]");
  if (response?.redirected) location.reload();
  else if (isMoving) setTimeout(lookAgain, PAUSE_MILLISECONDS);
}

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const newPart = fresh.getElementById(part.id);
    // What a person has opened stays open.
    for (const opened of part.querySelectorAll("details[open]")) newPart?.querySelector(`#${opened.id}`)?.setAttribute("open", "");
    if (newPart && newPart.innerHTML !== part.innerHTML) part.replaceWith(document.adoptNode(newPart));
  }
}

setTimeout(lookAgain, PAUSE_MILLISECONDS);
