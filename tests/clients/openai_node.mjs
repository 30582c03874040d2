// What an application does with OpenAI's client for Node. Prints its cases as one line of JSON.
import assert from "node:assert/strict";
import OpenAI from "openai";

const place = JSON.parse(process.argv[2]);
const client = new OpenAI({ baseURL: `${place.url}/v1`, apiKey: place.key, maxRetries: 0 });
const model = place.model;
const messages = [{ role: "user", content: "Hello" }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ type: "function", function: { name: "weather", description: "Weather of a city", parameters } }];
const call = (...cities) => ({
  tool_calls: cities.map((city) => ({ name: "weather", arguments: { city } })),
});
const script = (...answers) =>
  fetch(`${place.sandbox}/_sandbox/script`, { method: "POST", body: JSON.stringify({ answers }) });

const cases = {
  async "models.list"() {
    const ids = [];
    for await (const found of client.models.list()) ids.push(found.id);
    assert.ok(ids.includes(model));
  },
  async chat() {
    await script("Grüße 👩‍💻");
    const answer = await client.chat.completions.create({ model, messages });
    assert.equal(answer.choices[0].message.content, "Grüße 👩‍💻");
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.ok(answer.usage.total_tokens > 0);
  },
  async "chat, streamed, with usage"() {
    await script("Grüße 👩‍💻, again");
    const stream = await client.chat.completions.create({
      model, messages, stream: true, stream_options: { include_usage: true },
    });
    let text = "", usage = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, "Grüße 👩‍💻, again");
    assert.ok(usage.completion_tokens > 0);
  },
  async "parallel tools, streamed"() {
    await script(call("Köln", "Pune"));
    const stream = client.chat.completions.stream({ model, messages, tools });
    const { message } = (await stream.finalChatCompletion()).choices[0];
    assert.deepEqual(message.tool_calls.map((c) => JSON.parse(c.function.arguments).city), ["Köln", "Pune"]);
  },
  async "tool round trip (runTools)"() {
    await script(call("Köln"), "It rains in Köln.");
    const asked = [];
    const runner = client.chat.completions.runTools({
      model, messages,
      tools: [{ type: "function", function: { ...tools[0].function, parse: JSON.parse, function: ({ city }) => {
        asked.push(city);
        return "rain";
      } } }],
    });
    assert.equal(await runner.finalContent(), "It rains in Köln.");
    assert.deepEqual(asked, ["Köln"]);
  },
  async "JSON schema"() {
    const response_format = { type: "json_schema", json_schema: { name: "place", schema: parameters, strict: true } };
    const answer = await client.chat.completions.create({ model, messages, response_format });
    assert.equal(typeof JSON.parse(answer.choices[0].message.content).city, "string");
  },
  async responses() {
    await script("Good day");
    const answer = await client.responses.create({ model, input: "Hello" });
    assert.equal(answer.output_text, "Good day");
    assert.equal(answer.status, "completed");
  },
  async "responses, streamed"() {
    await script("Good day, again");
    const stream = client.responses.stream({ model, input: "Hello" });
    let text = "";
    for await (const event of stream) if (event.type === "response.output_text.delta") text += event.delta;
    assert.equal(text, "Good day, again");
    assert.equal((await stream.finalResponse()).output_text, text);
  },
  async "responses, tool call"() {
    await script(call("Köln"));
    const answer = await client.responses.create({
      model, input: "Weather?", tools: [{ type: "function", name: "weather", parameters, strict: true }],
    });
    const found = answer.output.find((item) => item.type === "function_call");
    assert.deepEqual(JSON.parse(found.arguments), { city: "Köln" });
  },
  async embeddings() {
    const answer = await client.embeddings.create({ model: "embedder", input: ["one", "two"] });
    assert.equal(answer.data.length, 2);
    assert.ok(answer.data[1].embedding.every((value) => typeof value === "number"));
  },
  async "errors have their classes"() {
    await assert.rejects(client.chat.completions.create({ model: "nobody", messages }), OpenAI.NotFoundError);
    const stranger = new OpenAI({ baseURL: `${place.url}/v1`, apiKey: "nr-wrong", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
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
