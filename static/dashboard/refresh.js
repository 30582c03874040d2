// Keeps a page live: asks for its panels, and changes in place what reads otherwise. No element is replaced by one like it,
// so that the focus, what is unfolded and the drawn charts stay.
"use strict";
(() => {
  const LAZY_MS = 60_000, LONGEST_MS = 20_000;
  let timer = null, tag = "", failures = 0, lazy = Date.now(), asking = null;
  const page = () => document.querySelector("#page[data-parts]");

  function attributes(old, fresh) {
    const kept = old.tagName === "CANVAS" ? ["width", "height", "style", "class"] : ["open", "value", "data-stale"];
    for (const { name, value } of fresh.attributes) {
      if (!kept.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!kept.includes(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
  }

  function morph(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || (old.id ?? "") !== (fresh.id ?? "")) {
      old.replaceWith(fresh);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    attributes(old, fresh);
    if (old.tagName === "CANVAS") return;
    const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
    after.forEach((node, at) => (before[at] ? morph(before[at], node) : old.append(node)));
    before.slice(after.length).forEach((node) => node.remove());
  }

  // A list that somebody reads does not move: it says how many rows came, and moves when told to.
  function holds(old, fresh) {
    const table = old.querySelector("table.requests"), link = table?.querySelector("a.open");
    if (!link || (!table.contains(document.activeElement) && table.getBoundingClientRect().top >= 0)) return false;
    const links = [...fresh.querySelectorAll("table.requests a.open")].map((one) => one.getAttribute("href"));
    const came = links.indexOf(link.getAttribute("href"));
    if (came === 0) return false;
    let button = old.querySelector("button.came");
    if (!button) {
      button = Object.assign(document.createElement("button"), { className: "button came", type: "button" });
      old.querySelector("header").append(button);
    }
    button.textContent = came > 0 ? `${came} new request${came === 1 ? "" : "s"}` : "New requests";
    button.onclick = () => morph(old, fresh);
    return true;
  }

  function take(fresh) {
    const old = document.getElementById(fresh.id);
    if (!old) return true;
    if (fresh.querySelector(".failed")) return false;
    const later = fresh.querySelector('[hx-trigger="load"]');
    if (later) {
      if (Date.now() - lazy > LAZY_MS) askLater(later.getAttribute("hx-get"), fresh.id);
    } else if (!holds(old, fresh)) morph(old, fresh);
    return true;
  }

  async function askLater(address, id) {
    lazy = Date.now();
    const answer = await fetch(address, { cache: "no-store" }).catch(() => null);
    const found = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
    if (found && !found.querySelector(".failed")) morph(document.getElementById(id), document.adoptNode(found));
  }

  function say(stale) {
    const line = document.getElementById("fresh");
    if (!line) return;
    const was = line.classList.contains("stale");
    line.classList.toggle("stale", stale);
    line.querySelector(".how").textContent = stale ? "data from" : "as of";
    line.querySelector(".retrying").textContent = stale ? ", retrying" : "";
    if (was !== stale) document.getElementById("said").textContent = line.textContent;
  }

  async function ask() {
    const shown = page();
    if (!shown || document.hidden) return;
    asking?.abort();
    const mine = asking = new AbortController(), line = document.getElementById("fresh");
    line?.setAttribute("aria-busy", "true");
    const whole = await heard(shown, mine.signal).catch(() => false);
    if (asking !== mine || page() !== shown) return; // what replaced it says how it went
    failures = whole ? 0 : failures + 1;
    say(!whole);
    arm();
    line?.removeAttribute("aria-busy");
  }

  // Whether every panel has been heard, with its figures.
  async function heard(shown, stopped) {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(15_000)]);
    const answer = await fetch(shown.dataset.parts, { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {}, signal });
    if (answer.redirected) { // signed out: the login says so, and this page nothing more
      location.reload();
      return new Promise(() => {});
    }
    if (answer.status !== 304 && !answer.ok) throw new Error(`status ${answer.status}`);
    const text = await answer.text();
    if (stopped.aborted || page() !== shown || (answer.status !== 304 && !place(text))) return false;
    tag = answer.headers.get("ETag");
    document.querySelector("#fresh time").textContent = answer.headers.get("X-As-Of");
    return true;
  }

  function place(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const bell = fresh.getElementById("bell");
    if (bell) morph(document.getElementById("bell"), document.adoptNode(bell));
    const taken = [...fresh.querySelectorAll(".panel")].map((panel) => take(document.adoptNode(panel)));
    document.dispatchEvent(new Event("figures:changed"));
    return taken.every(Boolean);
  }

  function arm() {
    clearTimeout(timer);
    const every = Number(page()?.dataset.every) * 1000;
    if (every) timer = setTimeout(ask, failures ? Math.min(every * 2 ** (failures - 1), LONGEST_MS) : every);
  }

  // What a range or a filter asked for and did not get: the page keeps what it shows, and says since when.
  const missed = (event) => { if (event.target.closest("#page")) { failures += 1; say(true); arm(); } };
  document.addEventListener("htmx:responseError", missed);
  document.addEventListener("htmx:sendError", missed);
  document.addEventListener("htmx:afterSettle", (event) => { if (event.target.id === "page") { tag = ""; failures = 0; arm(); } });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  document.addEventListener("DOMContentLoaded", arm);
})();
