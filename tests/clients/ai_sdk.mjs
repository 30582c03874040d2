// What an application does with the Vercel AI SDK. Prints its cases as one line of JSON.
import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";

const place = JSON.parse(process.argv[2]);
const provider = createOpenAICompatible({
  name: "neuroroute", baseURL: `${place.url}/v1`, apiKey: place.key, includeUsage: true, supportsStructuredOutputs: true,
});
const model = provider(place.model);
const script = (...answers) =>
  fetch(`${place.sandbox}/_sandbox/script`, { method: "POST", body: JSON.stringify({ answers }) });
const schema = jsonSchema({
  type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false,
});
const weather = tool({ description: "Weather", inputSchema: schema, execute: async ({ city }) => `rain in ${city}` });
const calls = { tool_calls: ["Köln", "Pune"].map((city) => ({ name: "weather", arguments: { city } })) };

const cases = {
  async generateText() {
    await script("Grüße 👩‍💻");
    const { text, finishReason, usage } = await generateText({ model, prompt: "Hello", maxRetries: 0 });
    assert.equal(text, "Grüße 👩‍💻");
    assert.equal(finishReason, "stop");
    assert.ok(usage.totalTokens > 0);
  },
  async streamText() {
    await script("Grüße 👩‍💻, again");
    const stream = streamText({ model, prompt: "Hello", maxRetries: 0 });
    let text = "";
    for await (const piece of stream.textStream) text += piece;
    assert.equal(text, "Grüße 👩‍💻, again");
    assert.ok((await stream.usage).outputTokens > 0);
  },
  async "parallel tool round trip, streamed"() {
    await script(calls, "It rains in both.");
    const stream = streamText({
      model, prompt: "Weather?", tools: { weather }, stopWhen: stepCountIs(3), maxRetries: 0,
    });
    assert.equal(await stream.text, "It rains in both.");
    assert.deepEqual((await stream.steps)[0].toolResults.map((r) => r.output), ["rain in Köln", "rain in Pune"]);
  },
  async "tool round trip, whole"() {
    await script(calls, "It rains in both.");
    const answer = await generateText({
      model, prompt: "Weather?", tools: { weather }, stopWhen: stepCountIs(3), maxRetries: 0,
    });
    assert.equal(answer.text, "It rains in both.");
  },
  async "structured output"() {
    const { output } = await generateText({
      model, prompt: "A place in JSON", output: Output.object({ schema }), maxRetries: 0,
    });
    assert.equal(typeof output.city, "string");
  },
  async embedMany() {
    const { embeddings } = await embedMany({ model: provider.embeddingModel("embedder"), values: ["one", "two"] });
    assert.equal(embeddings.length, 2);
  },
  async "a cut stream is an error"() {
    await script({ fault: "cut_mid", after: 3 }, { fault: "cut_mid", after: 3 });
    const errors = [];
    const stream = streamText({ model, prompt: "Say something long", maxRetries: 0, onError: (e) => errors.push(e) });
    for await (const _ of stream.textStream);
    assert.ok(errors.length > 0);
  },
};

const found = [];
for (const [name, body] of Object.entries(cases)) {
  try {
    await body();
    found.push({ name, outcome: "passed", detail: "" });
  } catch (error) {
    console.log(name, error);
    found.push({ name, outcome: "failed", detail: String(error).split("\n")[0].slice(0, 200) });
  }
}
console.log(JSON.stringify(found));
