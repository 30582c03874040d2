// Keeps the page of what runs now up to date: asks for the parts that change every two seconds, and moves nothing.
// A row that ends keeps its place for a while, then leaves an empty one that the next newcomer takes.
"use strict";
(() => {
  const EVERY_MS = 2000, LONGEST_MS = 30000, PATIENCE_MS = 8000, FAREWELL_MS = 8000, SPEAK_EVERY_MS = 10000;
  const element = (id) => document.getElementById(id);
  let paused = false, asking = false, failures = 0, signedOut = false, timer = 0, spokenAt = 0;
  let heardAt = Date.now(); // by this browser's clock
  let ahead = 0; // what the browser's clock is ahead of the server's

  function age(ms) { // as dashboard/live.py writes it
    const seconds = Math.max(Math.floor(ms / 1000), 0);
    const two = (number) => String(number).padStart(2, "0");
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
    return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} m`;
  }

  function write(node, text) {
    if (node && node.textContent !== text) node.textContent = text;
  }

  function tick() {
    if (paused || document.hidden) return;
    const now = Date.now() - ahead;
    document.querySelectorAll("time.age[data-began]").forEach((one) => write(one, age(now - one.dataset.began / 1000)));
  }

  function clock() {
    const zone = element("live").dataset.zone;
    return new Date(heardAt - ahead).toLocaleTimeString("en-GB", { timeZone: zone });
  }

  function say() { // what is seen changes with each answer, what is spoken only with the state
    const mark = element("live-mark");
    if (!mark) return;
    const state = signedOut ? "Signed out: load the page again" : paused ? "Paused" : failures ? "Retrying" : "Live";
    mark.className = `live-mark ${paused ? "paused" : failures || signedOut ? "late" : ""}`.trim();
    const seen = failures && !paused && !signedOut ? `Data from ${clock()}, retrying` : `${state} · as of ${clock()}`;
    write(element("live-said"), seen);
    write(element("as-of"), `As of ${clock()}`);
    write(element("live-pause"), paused ? "Go on" : "Pause");
    if (Date.now() - spokenAt > SPEAK_EVERY_MS && element("live-spoken").textContent !== state) {
      spokenAt = Date.now();
      write(element("live-spoken"), state);
    }
  }

  function syncCells(row, next) {
    for (const [number, cell] of [...row.cells].entries()) {
      const fresh = next.cells[number];
      if (!("still" in cell.dataset) && cell.innerHTML !== fresh.innerHTML) cell.replaceChildren(...fresh.childNodes);
    }
  }

  function gap() {
    const row = document.createElement("tr");
    row.className = "gap";
    row.setAttribute("aria-hidden", "true");
    row.insertCell().colSpan = 8;
    return row;
  }

  function end(row) {
    row.classList.add("over");
    row.querySelectorAll("time.age").forEach((one) => delete one.dataset.began);
    const record = document.createElement("a");
    record.href = row.dataset.record;
    record.textContent = "Record";
    row.querySelector(".state").textContent = "ended";
    const focused = row.contains(document.activeElement);
    row.querySelector(".act").replaceChildren(record);
    if (focused) record.focus();
    setTimeout(() => clear(row), FAREWELL_MS);
  }

  function clear(row) {
    if (row.contains(document.activeElement) || row.matches(":hover")) setTimeout(() => clear(row), FAREWELL_MS);
    else if (row.isConnected) {
      const body = row.parentElement;
      row.replaceWith(gap());
      trim(body);
    }
  }

  function trim(body) { // only places that nobody stands below
    while (body.lastElementChild?.classList.contains("gap")) body.lastElementChild.remove();
    const empty = element("live-empty");
    if (empty) empty.hidden = body.rows.length > 0;
  }

  function syncRows(body, fresh) {
    const wanted = new Map([...fresh.rows].map((row) => [row.id, row]));
    for (const row of [...body.rows]) {
      const next = wanted.get(row.id);
      if (next && row.classList.contains("over")) row.replaceWith(next); // a worker that was late has been heard again
      else if (next) syncCells(row, next);
      else if (row.id && !row.classList.contains("over")) end(row);
      wanted.delete(row.id);
    }
    const places = [...body.querySelectorAll("tr.gap")];
    for (const row of wanted.values()) {
      const place = places.shift();
      if (place) place.replaceWith(row);
      else body.append(row);
    }
    trim(body);
  }

  function show(page) {
    ahead = Date.now() - Number(page.dataset.now);
    for (const part of page.querySelectorAll("[data-changes]")) {
      const here = element(part.id);
      if (here && here.innerHTML !== part.innerHTML) here.replaceChildren(...part.childNodes);
    }
    syncRows(element("live-rows"), page.querySelector("#live-rows"));
    for (const numbers of page.querySelectorAll("script[type='application/json']")) {
      const here = element(numbers.id);
      if (!here || here.textContent === numbers.textContent) continue;
      here.textContent = numbers.textContent;
      here.dispatchEvent(new CustomEvent("numbers", { bubbles: true }));
    }
    tick();
  }

  async function ask(root) {
    const headers = root.dataset.etag ? { "If-None-Match": root.dataset.etag } : {};
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(root.dataset.url, { headers, signal, cache: "no-store", redirect: "manual" });
    signedOut = answer.type === "opaqueredirect";
    if (signedOut || answer.status === 304) return;
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live-fragment");
    if (root !== element("live") || paused) return; // the page has been swapped meanwhile
    root.dataset.etag = answer.headers.get("etag") ?? "";
    show(page);
  }

  async function poll() {
    clearTimeout(timer);
    const root = element("live");
    if (!root || paused || signedOut || asking || document.hidden) return;
    asking = true;
    try {
      await ask(root);
      failures = 0;
      if (!signedOut) heardAt = Date.now();
    } catch {
      failures += 1;
    }
    asking = false;
    say();
    timer = setTimeout(poll, failures ? Math.min(EVERY_MS * 2 ** failures, LONGEST_MS) : EVERY_MS);
  }

  function pause() {
    paused = !paused;
    spokenAt = 0;
    say();
    poll();
  }

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("#live-pause")) pause();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, [contenteditable], dialog");
    const off = element("keys")?.hasAttribute("data-off"); // who looks has switched keys that act alone off
    if (event.key !== "." || event.ctrlKey || event.metaKey || event.altKey || typing || off || !element("live")) return;
    event.preventDefault();
    pause();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : poll()));
  document.addEventListener("htmx:afterSettle", () => { say(); poll(); });
  document.addEventListener("DOMContentLoaded", () => { say(); poll(); });
  setInterval(tick, 1000);
})();
