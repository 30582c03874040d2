// Calls of the data plane with a key that this person is lent for some minutes, and what was recorded of them. The key is
// held in memory alone, and asked for again when it ends. `form` names where keys and records are had, in `data-`.
"use strict";
(() => {
  const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });
  const RECORDED = [60, 120, 250, 500, 1000, 2000, 4000]; // a record is there when the answer ends, or soon after

  window.Refused = class extends Error {};

  window.callsLent = (form) => {
    const keys = new Map(); // tenant -> promise of a key

    async function lend(tenant) {
      const body = new URLSearchParams({ tenant, csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value });
      const answer = await fetch(form.dataset.key, { method: "POST", body, headers: { accept: "application/json" } });
      const said = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new window.Refused(said.message || `No key for ${tenant}: HTTP ${answer.status}. Are you still signed in?`);
      return said.key;
    }

    const keyOf = (tenant) => {
      if (!keys.has(tenant)) {
        const held = lend(tenant).catch((error) => { keys.delete(tenant); throw error; });
        held.since = performance.now();
        keys.set(tenant, held);
      }
      return keys.get(tenant);
    };

    // A key that has ended, or was replaced by another tab's, is replaced once. A new one reaches every worker within a
    // second: one that is refused so soon is tried again.
    async function call(path, tenant, body, signal) {
      const began = performance.now();
      let replaced = false;
      for (;;) {
        const held = keyOf(tenant);
        const headers = { authorization: `Bearer ${await held}`, "content-type": "application/json" };
        const answer = await fetch(path, { method: "POST", credentials: "omit", headers, body: JSON.stringify(body), signal });
        if (answer.status !== 401 || performance.now() - began > 5000) return answer;
        if (!replaced && keys.get(tenant) === held && performance.now() - held.since > 2000) {
          keys.delete(tenant);
          replaced = true;
        } else await pause(250);
      }
    }

    return call;
  };

  // What was decided and paid comes from the record; the page that writes it knows how amounts are written. Nothing
  // where `over` says that nobody waits any more.
  window.recorded = async (form, id, over = () => false) => {
    for (const wait of RECORDED) {
      const answer = await fetch(form.dataset.answer.replace("ID", id)).catch(() => null);
      if (over()) return null;
      if (answer?.status === 200) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        return { whole: true, nodes: [...page.body.children] };
      }
      await pause(wait);
    }
    const link = document.createElement("a");
    link.href = form.dataset.request.replace("ID", id);
    link.textContent = "Look whether it is recorded now";
    return { whole: false, nodes: ["What it cost is not recorded yet. ", link] };
  };
})();
