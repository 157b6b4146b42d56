"use strict";
// What the daemon sends is a whole new state of the page; only the parts that differ are exchanged, so that what
// somebody has marked to copy stays marked.
const live = document.getElementById("live");
const lost = document.getElementById("lost");
let silence, isFailing, heardAt;

function waitFor(ms) {
  clearTimeout(silence);
  silence = setTimeout(missed, ms);
}

function heard() {
  heardAt = new Date();
  isFailing = false;
  lost.hidden = true;
  waitFor(12000);
}

function missed() {
  lost.querySelector("time").textContent = heardAt.toLocaleTimeString(document.documentElement.lang);
  lost.hidden = false;
}

function show(event) {
  heard();
  const fresh = document.createElement("template");
  fresh.innerHTML = event.data;
  for (const part of Array.from(fresh.content.children)) {
    const old = document.getElementById(part.id);
    if (old && !old.isEqualNode(part)) old.replaceWith(part);
  }
  document.title = document.getElementById("now").dataset.title;
}

function connect() {
  const source = new EventSource(live.dataset.events);
  source.addEventListener("now", show);
  source.addEventListener("beat", heard);
  source.addEventListener("error", () => {
    if (!isFailing) waitFor(3000);
    isFailing = true;
    // Refused, a browser does not try again by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
  });
}

heard();
connect();
