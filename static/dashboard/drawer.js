// Opens a request beside the page that lists it. Its address is the request's own, so that a reload, a new tab and a page
// without this script show it whole; Back and Esc close it, and the row that opened it has the focus again.
"use strict";
(() => {
  const drawer = document.getElementById("drawer"), body = document.getElementById("drawer-body");
  if (!drawer) return;
  const whole = drawer.querySelector(".whole");
  const rendered = location.pathname; // what the page itself is about
  let opener = null, title = "";

  async function open(href) {
    title = document.title;
    whole.href = href;
    body.replaceChildren(Object.assign(document.createElement("p"), { className: "empty", textContent: "Loading…" }));
    drawer.showModal();
    await htmx.ajax("GET", href, { source: body, target: body, select: "#page > *", swap: "innerHTML" });
    body.scrollTop = 0;
  }

  function shut() {
    if (drawer.open) drawer.close();
    document.title = title;
    const back = opener?.isConnected ? opener : document.querySelector(`main a[href="${CSS.escape(opener?.getAttribute("href") ?? "")}"]`);
    back?.focus({ preventScroll: true });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest('main a[href*="/dashboard/requests/req_"]');
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    opener = link;
    history.pushState({ drawer: true }, "", link.href);
    open(link.href);
  });
  drawer.addEventListener("close", () => { if (history.state?.drawer) history.back(); });
  // Before htmx, which would fetch the page anew.
  window.addEventListener("popstate", (event) => {
    if (event.state?.drawer && location.pathname !== rendered) open(location.href);
    else if (drawer.open) shut();
    else if (location.pathname !== rendered) location.reload();
    else if (title) { document.title = title; opener?.focus({ preventScroll: true }); title = ""; }
    else return;
    event.stopImmediatePropagation();
  });
  for (const failed of ["htmx:responseError", "htmx:sendError"]) {
    body.addEventListener(failed, () => { body.firstElementChild.textContent = "This request could not be fetched. Try again, or open it as a page."; });
  }
})();
