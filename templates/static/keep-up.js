// Shows what has happened meanwhile on a page that is not settled, unless somebody is filling in a form on it.
"use strict";

const PAUSE_MILLISECONDS = 3000;

function lookAgain() {
  if (document.activeElement.closest("form")) {
    setTimeout(lookAgain, PAUSE_MILLISECONDS);
  } else {
    location.reload();
  }
}

setTimeout(lookAgain, PAUSE_MILLISECONDS);
