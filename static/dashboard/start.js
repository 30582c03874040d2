// Sends the first request as an application would, and shows what was decided once it is recorded.
"use strict";
(() => {
  const form = document.getElementById("start");
  if (!form) return;
  const call = window.callsLent(form);
  const button = document.getElementById("send");
  const outcome = document.getElementById("outcome");
  const decision = document.getElementById("decision");

  function say(text, kind) {
    const line = document.createElement(kind === "answer" ? "blockquote" : "div");
    if (kind !== "answer") line.className = `notice ${kind}`;
    line.textContent = text;
    outcome.replaceChildren(line);
  }

  // The line that waits for a first request turns by itself within seconds, and grows: now, so that nothing moves away from
  // under a pointer that is on its way to the decision.
  async function turnLine() {
    const line = document.querySelector("#arrived.waiting");
    const answer = line && (await fetch(line.getAttribute("hx-get")).catch(() => null));
    const fresh = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("arrived");
    if (!fresh || fresh.classList.contains("waiting") || !line.isConnected) return;
    htmx.trigger(line, "htmx:abort"); // it may be asking
    line.replaceWith(document.adoptNode(fresh));
  }

  async function send() {
    const body = { model: "auto", messages: [{ role: "user", content: form.dataset.question }] };
    const answer = await call("/v1/chat/completions", form.dataset.tenant, body);
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new window.Refused(said.error?.message || `The gateway answered HTTP ${answer.status}.`);
    say(said.choices?.[0]?.message?.content || "The answer is empty.", "answer");
    const story = await window.recorded(form, answer.headers.get("x-neuroroute-request-id") || "");
    await turnLine();
    if (story) decision.replaceChildren(...story.nodes);
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    decision.replaceChildren();
    say("Asking…", "");
    try {
      await send();
    } catch (error) {
      say(error instanceof window.Refused ? error.message : "The connection to this installation broke off.", "bad");
    }
    button.textContent = "Send another";
    button.disabled = false;
  });
})();
