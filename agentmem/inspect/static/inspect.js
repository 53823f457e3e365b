"use strict";
// Every page works without this file. It adds keys, copying and announcements.

const letters = () => localStorage.getItem("agentmem-letters") !== "off";
const typing = (element) => element.closest("input:not([type=checkbox], [type=radio]), select, textarea");
const rows = () => [...document.querySelectorAll("[data-row]")];

function current() {
  return document.activeElement.closest("[data-row]");
}

function move(step) {
  const all = rows();
  const next = all[Math.min(Math.max(all.indexOf(current()) + step, 0), all.length - 1)];
  if (!next) return;
  next.tabIndex = -1;
  next.focus();
}

// Presses what has the key in the row with the focus, or on a page without rows.
function press(name, within = current() || (rows().length ? null : document)) {
  within?.querySelector(`[data-key="${name}"]`)?.click();
}

const go = (path) => () => document.querySelector(`nav a[href$="/${path}"]`)?.click();

const KEYS = {
  "/": () => (document.querySelector("#q") || document.querySelector(".brand")).focus(),
  "j": () => move(1),
  "k": () => move(-1),
  "Enter": () => press("open"),
  "e": () => press("e"),
  "r": () => press("r"),
  "n": () => press("n"),
  "x": () => press("x"),
  "Delete": () => press("delete"),
  "u": () => press("u", document),
  "Space": () => press("pause", document),
  "g s": go("search"),
  "g b": go("browse"),
  "g l": go("live"),
  "g c": go("compare"),
  "g q": go("quality"),
  "g h": go("health"),
  "?": () => document.querySelector('a[href$="/keys"]').click(),
  "Escape": () => document.activeElement.blur(),
};

let before = "";
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const pressed = event.key === " " ? "Space" : event.key;
  const key = before ? `${before} ${pressed}` : pressed;
  before = "";
  if (pressed === "Escape") return KEYS.Escape();
  if (typing(event.target) || (pressed.length === 1 && !letters())) return;
  if (event.target.closest("a, button, summary") && ["Enter", "Space"].includes(pressed)) return;
  if (key === "g") before = "g";
  else if (KEYS[key] && (key !== "Space" || document.querySelector('[data-key="pause"]'))) {
    event.preventDefault();
    KEYS[key]();
  }
});

function prepare() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.onclick = async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
    };
  }
  const choice = document.querySelector("#letters");
  if (choice) {
    choice.closest("label").hidden = false;
    choice.checked = letters();
    choice.onchange = () => localStorage.setItem("agentmem-letters", choice.checked ? "on" : "off");
  }
}

document.addEventListener("input", (event) => {
  const output = event.target.parentElement?.querySelector("output");
  if (output) output.value = event.target.value;
});

// After a delete the next hit has the focus.
document.querySelector("[data-row]:target")?.setAttribute("tabindex", "-1");
document.querySelector("[data-row]:target")?.focus();

function announce() {
  const told = document.querySelector("[data-announce]");
  if (told) document.querySelector("#announce").textContent = told.innerText;
}

prepare();
document.addEventListener("htmx:afterSettle", () => { prepare(); announce(); });
// A page without the part that is to be replaced, such as one that says that the store is gone, is shown whole.
// But nothing takes a draft away that is still edited.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  detail.shouldSwap = detail.xhr.responseText.includes(`id="${detail.target.id}"`);
  if (!detail.shouldSwap && detail.target.id !== "unfit") location.reload();
});

// Live: the server sends finished lines.
const MOST_LINES = 500;

function follow(live) {
  const lines = live.querySelector("#lines");
  const state = live.querySelector("[data-state]");
  const pause = live.querySelector("[data-pause]");
  const waiting = [];
  let paused = false;
  let counted = 0;

  const tell = (name, text) => {
    live.classList.remove("connected", "lost");
    live.classList.add(name);
    if (state.textContent !== text) state.textContent = text;
  };
  const add = (html) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    for (const line of fresh.content.children) line.classList.add("fresh");
    lines.prepend(fresh.content);
    document.querySelector("#silence")?.remove();
    while (lines.children.length > MOST_LINES) lines.lastElementChild.remove();
  };

  const source = new EventSource(live.dataset.stream);
  source.onopen = () => tell("connected", "connected");
  source.onerror = () => tell("lost", "not connected");
  source.onmessage = (event) => {
    counted += (event.data.match(/<li /g) || []).length;
    paused ? waiting.push(event.data) : add(event.data);
    if (waiting.length > MOST_LINES) waiting.shift();
  };
  pause.hidden = false;
  pause.onclick = () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", paused);
    pause.firstChild.textContent = paused ? "Go on " : "Pause ";
    if (!paused) waiting.splice(0).forEach(add);
  };
  const timer = setInterval(() => {
    if (!live.isConnected) { source.close(); clearInterval(timer); return; }
    live.querySelector("[data-rate]").textContent = counted ? `${counted} a second` : "";
    counted = 0;
  }, 1000);
  addEventListener("pagehide", () => source.close());
}

const live = document.querySelector("[data-stream]");
if (live) follow(live);
