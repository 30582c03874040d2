// Asks the data plane as an application does (lent.js), one request per column, and shows what arrives as text, never as
// HTML.
"use strict";
(() => {
  const form = document.getElementById("playground");
  if (!form) return;
  const $ = (id) => document.getElementById(id);
  const columns = () => [...document.querySelectorAll("#columns [data-column]")];
  const part = (column, name) => column.querySelector(`[data-${name}]`);
  const running = new Map(); // column -> AbortController

  const span = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);

  const call = window.callsLent(form);

  function wish(model) {
    const typed = (name) => form.elements[name].value;
    const system = typed("system") ? [{ role: "system", content: typed("system") }] : [];
    const asked = { model, messages: [...system, { role: "user", content: typed("prompt") }], stream: true };
    for (const name of ["temperature", "max_tokens", "top_p", "seed"]) {
      if (typed(name) !== "") asked[name] = Number(typed(name));
    }
    return asked;
  }

  // The events of a stream: parsed JSON, and at last "[DONE]" if the stream was whole.
  async function* events(answer) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data:")) continue;
        const data = line.slice(5).trim();
        yield data === "[DONE]" ? data : JSON.parse(data);
      }
    }
  }

  function clear(column) {
    column.classList.remove("cut", "stopped");
    for (const name of ["problem", "story", "rated"]) part(column, name).replaceChildren();
    part(column, "text").textContent = "";
    part(column, "thinking").hidden = true;
    part(column, "thinking").lastElementChild.textContent = "";
    part(column, "rate").hidden = true;
    part(column, "measures").hidden = false;
    part(column, "time").textContent = part(column, "first").textContent = "—";
    column.querySelectorAll("[data-score]").forEach((button) => button.setAttribute("aria-pressed", "false"));
  }

  function say(column, text) { part(column, "state").textContent = text; }

  function complain(column, text, cut) {
    const notice = document.createElement("div");
    notice.className = "notice bad";
    notice.textContent = text;
    part(column, "problem").replaceChildren(notice);
    column.classList.toggle("cut", Boolean(cut));
  }

  function inWords(status, error, wait) {
    const code = [status && `HTTP ${status}`, error?.code || error?.type].filter(Boolean).join(", ");
    const when = wait ? ` Try again in ${wait} s.` : "";
    return `${error?.message || "The gateway gave no reason."}${code ? ` (${code})` : ""}${when}`;
  }

  async function read(column, answer, began) {
    const text = part(column, "text"), thinking = part(column, "thinking");
    let whole = false, finish = "";
    for await (const event of events(answer)) {
      if (event === "[DONE]") { whole = true; continue; }
      if (event.error) return { problem: inWords(0, event.error) };
      const choice = event.choices?.[0];
      const thought = choice?.delta?.reasoning_content ?? choice?.delta?.reasoning ?? "";
      const said = choice?.delta?.content ?? "";
      if ((said || thought) && part(column, "first").textContent === "—") {
        part(column, "first").textContent = span(performance.now() - began);
        say(column, "Streaming…");
      }
      if (thought) { thinking.hidden = false; thinking.lastElementChild.append(thought); }
      if (said) text.append(said);
      finish = choice?.finish_reason || finish;
    }
    return whole ? { finish } : { problem: "The stream ended before its end was said." };
  }

  // Code between fences stands in a block of its own, once all of it is there; it stays text.
  function fence(column) {
    const text = part(column, "text"), pieces = text.textContent.split(/^```[^\n`]*\n([\s\S]*?)^```[ \t]*$/m);
    if (pieces.length < 3) return;
    text.replaceChildren(...pieces.map((piece, place) => {
      if (place % 2 === 0) return document.createTextNode(piece.replace(/^\n+|\n+$/g, ""));
      const code = document.createElement("pre");
      code.tabIndex = 0;
      code.textContent = piece.replace(/\n$/, "");
      return code;
    }));
  }

  const ENDS = { length: "Ended at the limit of max_tokens", content_filter: "Ended by the provider's content filter", tool_calls: "Ended with a call of a tool" };

  function conclude(column, end, took) {
    const some = part(column, "text").textContent !== "";
    fence(column);
    if (end.problem) {
      complain(column, some ? `Cut off: what stands above is not the whole answer. ${end.problem}` : end.problem, some);
      say(column, `${some ? "Cut off" : "Failed"} after ${took}.`);
    } else {
      say(column, `${ENDS[end.finish] || "Answered"}.${some ? "" : " The answer is empty."}`);
    }
  }

  async function run(column, tenant) {
    running.get(column)?.abort();
    const stop = new AbortController(), began = performance.now();
    running.set(column, stop);
    clear(column);
    mark();
    say(column, "Waiting for the first token…");
    const timer = setInterval(() => { part(column, "time").textContent = span(performance.now() - began); }, 100);
    let id = "";
    try {
      const answer = await call("/v1/chat/completions", tenant, wish(column.querySelector("select").value), stop.signal);
      id = answer.headers.get("x-neuroroute-request-id") || "";
      const refused = answer.ok ? null : await answer.json().catch(() => ({}));
      const end = refused ? { problem: inWords(answer.status, refused.error, answer.headers.get("retry-after")) } : await read(column, answer, began);
      conclude(column, end, span(performance.now() - began));
    } catch (error) {
      if (stop.signal.aborted) {
        say(column, `Stopped by you after ${span(performance.now() - began)}: not the whole answer.`);
        column.classList.add("stopped");
      } else {
        conclude(column, { problem: error instanceof window.Refused ? error.message : "The connection to this installation broke off." }, span(performance.now() - began));
      }
    } finally {
      clearInterval(timer);
      part(column, "time").textContent = span(performance.now() - began);
      if (running.get(column) === stop) running.delete(column);
      mark();
    }
    if (id && !running.has(column)) await tell(column, id, tenant);
  }

  async function tell(column, id, tenant) {
    column.dataset.id = id;
    const story = await window.recorded(form, id, () => column.dataset.id !== id || running.has(column));
    if (!story) return;
    if (story.whole) {
      part(column, "measures").hidden = true;
      part(column, "rate").hidden = part(column, "text").textContent === "";
      column.dataset.tenant = tenant;
    }
    part(column, "story").replaceChildren(...story.nodes);
  }

  async function rate(column, button) {
    const score = Number(button.dataset.score), kept = part(column, "rated");
    try {
      const answer = await call("/v1/feedback", column.dataset.tenant, { response_id: column.dataset.id, score });
      if (!answer.ok) throw new window.Refused(inWords(answer.status, (await answer.json()).error));
      column.querySelectorAll("[data-score]").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
      kept.textContent = score > 0 ? "Kept: good" : "Kept: bad";
    } catch (error) {
      kept.textContent = `Not kept. ${error instanceof window.Refused ? error.message : "The connection broke off."}`;
    }
  }

  function mark() {
    $("run").disabled = "blocked" in $("run").dataset;
    $("stop-all").disabled = running.size === 0;
    const all = columns();
    $("add").disabled = all.length >= Number(form.dataset.most);
    $("add").title = $("add").disabled ? `At most ${form.dataset.most} columns` : "";
    for (const column of all) {
      column.classList.toggle("running", running.has(column));
      part(column, "stop").hidden = !running.has(column);
      part(column, "remove").disabled = all.length === 1;
      column.setAttribute("aria-label", `Answer of ${column.querySelector("select").value}`);
    }
  }

  function runAll() {
    if ($("run").disabled || !form.reportValidity()) return;
    if (!form.elements.prompt.value.trim()) { form.elements.prompt.focus(); return; }
    for (const column of columns()) run(column, form.elements.tenant.value);
  }

  function address() {
    const words = new URLSearchParams([["tenant", form.elements.tenant.value], ...columns().map((one) => ["model", one.querySelector("select").value])]);
    return `${location.pathname}?${words}`;
  }

  // The server writes the page; these parts of it are taken over, and the answers stay.
  async function take(request, ...ids) {
    const page = new DOMParser().parseFromString(await (await fetch(...request)).text(), "text/html");
    for (const id of ids) {
      const fresh = page.getElementById(id);
      if (fresh && $(id)) $(id).replaceWith(fresh);
    }
    return page;
  }

  async function offerFor() { // another tenant may ask for other models
    if ("blocked" in $("run").dataset) { location.assign(address()); return; } // and may be allowed what this one is not
    const page = await take([address()], "column");
    const fresh = page.querySelector("#columns select");
    for (const column of columns()) {
      const select = column.querySelector("select"), value = select.value;
      select.replaceChildren(...[...fresh.children].map((group) => document.importNode(group, true)));
      select.value = [...select.options].some((option) => option.value === value) ? value : "auto";
    }
    history.replaceState(null, "", address());
    mark();
  }

  async function submit(button) {
    const body = new FormData(form, button);
    const act = button.value;
    await take([button.formAction, { method: "POST", body }], ...(act === "code" ? ["code"] : ["cases"]));
    (act === "code" ? $("code") : $("cases").querySelector("a, input")).focus();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = event.submitter;
    if (!button || button === $("run")) runAll();
    else submit(button);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    if (event.ctrlKey || event.metaKey) { event.preventDefault(); runAll(); }
    else if (event.target.id === "case-name") { event.preventDefault(); submit(form.querySelector("[value=save]")); }
  });
  form.addEventListener("change", (event) => {
    if (event.target.name === "tenant") offerFor();
    else if (event.target.name === "model") { history.replaceState(null, "", address()); mark(); }
  });
  form.addEventListener("click", (event) => {
    const target = event.target.closest("button, a"), column = target?.closest("[data-column]");
    if (!target) return;
    if (target.dataset.prompt) {
      event.preventDefault();
      form.elements.prompt.value = target.dataset.prompt;
      form.elements.prompt.focus();
    } else if (target.id === "stop-all") running.forEach((stop) => stop.abort());
    else if (target.id === "add") {
      $("columns").append(document.importNode($("column").content, true));
      columns().at(-1).querySelector("select").focus();
    } else if ("stop" in target.dataset) running.get(column)?.abort();
    else if ("score" in target.dataset) rate(column, target);
    else if ("remove" in target.dataset && column) {
      running.get(column)?.abort();
      column.remove();
      columns()[0].querySelector("select").focus();
    } else return;
    if (target.id === "add" || "remove" in target.dataset) history.replaceState(null, "", address());
    mark();
  });
  mark();
})();
