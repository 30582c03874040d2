// Opens the page that asks before something is done as a dialog over the page whose button leads there, and sends its form
// from it. Esc closes it, and the button has the focus again. Without this script it is a page of its own.
"use strict";
(() => {
  const dialog = document.getElementById("ask");
  if (!dialog) return;
  let opener = null;

  // What the page asks, or says came of it; false where the answer is another page: one was signed out, or it is done.
  function put(text) {
    const asked = new DOMParser().parseFromString(text, "text/html").getElementById("asked");
    if (!asked) return false;
    dialog.replaceChildren(asked);
    if (!dialog.open) dialog.showModal();
    htmx.process(asked);
    (asked.querySelector("[aria-invalid=true]") ?? asked.querySelector("form :is(input:not([type=hidden]), select, textarea)") ?? document.getElementById("asked-title")).focus();
    return true;
  }

  function back() {
    const here = opener?.isConnected ? opener : document.querySelector(`main a[href="${CSS.escape(opener?.getAttribute("href") ?? "")}"]`);
    const main = document.getElementById("main");
    if (!here) main.tabIndex = -1;
    (here ?? main).focus({ preventScroll: true });
  }

  async function open(link) {
    if (!dialog.contains(link)) opener = link;
    try {
      const answer = await fetch(link.href);
      if (put(await answer.text())) return;
    } catch { /* the browser's own page says that nobody answers */ }
    location.assign(link.href);
  }

  async function send(form, button) {
    let answer, text;
    try {
      answer = await fetch(form.action, { method: "POST", body: new FormData(form, button) });
      text = await answer.text();
    } catch {
      form.before(Object.assign(document.createElement("p"), { className: "notice bad", role: "alert", textContent: "Nobody answered, and what came of it is not known. Look at the page before you send it again." }));
      return;
    }
    if (put(text)) return;
    if (!answer.ok || new URL(answer.url).pathname !== location.pathname) {
      location.assign(answer.redirected ? answer.url : form.action);
      return;
    }
    htmx.swap("#main", text, { swapStyle: "innerHTML", swapDelay: 0, settleDelay: 0 }, { select: "#main > *" });
    dialog.close();
  }

  document.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest("a.asks"), closes = event.target.closest("#ask [data-closes]");
    if (link) { event.preventDefault(); open(link); }
    if (closes) { event.preventDefault(); dialog.close(); }
  });
  dialog.addEventListener("submit", (event) => { event.preventDefault(); send(event.target, event.submitter); });
  dialog.addEventListener("close", () => { dialog.replaceChildren(); back(); });
})();
