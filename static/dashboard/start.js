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

  async function send() {
    const body = { model: "auto", messages: [{ role: "user", content: form.dataset.question }] };
    const answer = await call("/v1/chat/completions", form.dataset.tenant, body);
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new window.Refused(said.error?.message || `The gateway answered HTTP ${answer.status}.`);
    say(said.choices?.[0]?.message?.content || "The answer is empty.", "answer");
    const story = await window.recorded(form, answer.headers.get("x-neuroroute-request-id") || "");
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
