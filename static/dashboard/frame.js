// Keys, the palette, menus, links to copy and the choice of a zone. Without this script each of them is a page or a form.
"use strict";
(() => {
  const dialog = (name) => document.getElementById(name);
  const typing = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;
  const say = (text) => { dialog("said").textContent = text; };

  function open(name) {
    const shown = dialog(name);
    if (!shown || shown.open) return;
    document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; });
    document.querySelectorAll("dialog[open]").forEach((other) => other.close());
    shown.showModal();
    if (name === "palette") {
      const field = dialog("palette-q");
      field.value = "";
      field.closest("form").dispatchEvent(new Event("opened"));
    }
  }

  // Rows of the open panel, else of the page; the one that has the focus, or that had it last, counts on.
  let last = null;
  function step(by) {
    const rows = [...document.querySelectorAll("main tr.row a.open")].filter((row) => row.checkVisibility());
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement) >= 0 ? rows.indexOf(document.activeElement) : rows.indexOf(last);
    last = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
    last.focus();
  }

  let going = 0; // when "g" was pressed
  const keys = {
    "/": () => { const field = dialog("find"); field.checkVisibility() ? field.select() : open("palette"); field.focus(); },
    t: () => document.querySelector(".controls input[name=range]:checked")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    g: () => { going = Date.now(); },
    ".": () => document.querySelector("[data-live]")?.click(),
    "?": () => open("keys"),
  };

  function pressed(event) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open("palette");
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (!dialog("keys") || dialog("keys").hasAttribute("data-off") || document.querySelector("dialog:modal")) return;
    const led = Date.now() - going < 1500 && document.querySelector(`#nav [data-go="${CSS.escape(event.key)}"]`);
    going = 0;
    if (led) led.click();
    else if (Object.hasOwn(keys, event.key)) keys[event.key]();
    else return;
    event.preventDefault();
  }

  // Arrows walk through what was found; Enter in the field opens the first, or asks the server while that is out of date.
  function walk(event) {
    if (event.key === "Enter" && document.querySelector("#palette .found[data-stale]")) return;
    const hits = [...document.querySelectorAll("#palette .found a")];
    const at = hits.indexOf(document.activeElement);
    if (event.key === "Enter" && at < 0 && hits.length) hits[0].click();
    else if (event.key === "ArrowDown") hits[Math.min(at + 1, hits.length - 1)]?.focus();
    else if (event.key === "ArrowUp") (hits[at - 1] ?? dialog("palette-q")).focus();
    else return;
    event.preventDefault();
  }

  async function copyLink(link) {
    const before = link.textContent;
    try {
      await navigator.clipboard.writeText(link.href);
      link.textContent = "Copied";
      say(`Copied ${link.href}`);
      setTimeout(() => { link.textContent = before; }, 1500);
    } catch { // plain HTTP, or not allowed: the address bar shows it instead
      location.assign(link.href);
    }
  }

  function chooseZone(button) {
    const field = dialog("filter-tz");
    field.value = button.dataset.zone || Intl.DateTimeFormat().resolvedOptions().timeZone;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  async function offerZones(field) {
    if (!field.list || field.list.options.length) return;
    const answer = await fetch(field.dataset.zones);
    if (answer.ok) field.list.innerHTML = await answer.text();
  }

  // What a filter can be set to comes from the server while somebody types: of thousands, the first that fit.
  let offering = new AbortController();
  async function offerChoices(field) {
    offering.abort();
    offering = new AbortController();
    const { signal } = offering, tenant = field.form.elements.tenant?.value;
    await new Promise((ready) => { setTimeout(ready, 100); });
    if (signal.aborted) return;
    const words = new URLSearchParams({ q: field.value, ...(field.name === "key" && tenant && { tenant }) });
    const answer = await fetch(`${field.dataset.choices}?${words}`, { signal }).catch(() => null);
    const text = answer?.ok && !answer.redirected ? await answer.text().catch(() => "") : "";
    if (!signal.aborted) field.list.innerHTML = text;
  }

  // One that is picked from the list counts at once; one that is typed does when the field is left, or with Enter.
  function picked(event) {
    const field = event.target;
    if (!field.list) return;
    if (event.inputType === "insertReplacementText" || !event.inputType) field.dispatchEvent(new Event("change", { bubbles: true }));
    else if (field.dataset.choices) offerChoices(field);
  }

  document.addEventListener("input", picked);
  document.addEventListener("keydown", pressed);
  dialog("palette")?.addEventListener("keydown", walk);
  dialog("palette")?.addEventListener("input", () => { document.querySelector("#palette .found").dataset.stale = ""; });
  document.addEventListener("focusin", ({ target }) => {
    if (target.dataset.zones) { offerZones(target); target.select(); }
    if (target.dataset.choices) { offerChoices(target); target.select(); }
  });
  document.addEventListener("click", (event) => {
    const [opener, link, zone] = ["[data-opens]", "[data-copy-link]", "[data-zone]"].map((mark) => event.target.closest(mark));
    if (opener && dialog(opener.dataset.opens)) { event.preventDefault(); open(opener.dataset.opens); }
    if (link) { event.preventDefault(); copyLink(link); }
    if (zone) chooseZone(zone);
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
    if (event.target.matches("dialog")) event.target.close(); // the ground around it
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  // The bell's new number is spoken, at most once per ten seconds: what it is by then.
  const SPEAK_EVERY_MS = 10_000;
  const number = () => document.querySelector("#bell .hidden-text")?.textContent;
  let spoken = number(), spokenAt = 0, speaking = null;
  const ring = () => {
    if (speaking || number() === spoken) return;
    speaking = setTimeout(() => {
      speaking = null;
      if (number() !== spoken) { spoken = number(); spokenAt = Date.now(); say(spoken); }
    }, Math.max(spokenAt + SPEAK_EVERY_MS - Date.now(), 0));
  };
  if (dialog("bell")) new MutationObserver(ring).observe(dialog("bell"), { childList: true, subtree: true, characterData: true });

  // What a reader usually sees stays out of the address: a shared link means to others what is usual to them.
  document.addEventListener("htmx:configRequest", (event) => {
    const usual = event.target.dataset, words = event.detail.parameters;
    if (words.tz === usual.usualZone && words.range !== "custom") delete words.tz;
    if (words.range && words.range === usual.usualRange) delete words.range;
  });
})();
