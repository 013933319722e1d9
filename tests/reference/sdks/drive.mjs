// Drives an endpoint with the official TypeScript SDK and prints what came back as JSON: the scenarios of drive.py.
//
//     node drive.mjs FOLDER_OF_NODE_MODULES BASE_URL KEY [patience]

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [folder, baseURL, apiKey, ...names] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const Anthropic = require("@anthropic-ai/sdk");
const { betaTool } = require("@anthropic-ai/sdk/helpers/beta/json-schema");
const { jsonSchemaOutputFormat } = require("@anthropic-ai/sdk/helpers/json-schema");

const MODEL = "claude-opus-4-5";
const BUSY_EVERY = 9; // requests, in the variants that are busy at times
const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const WEATHER = { name: "get_weather", description: "Gives the weather in one city.", input_schema: CITY };
const PARIS = "What is the weather in Paris? Call the tool get_weather.";
const NOTE = {
  type: "document",
  source: { type: "text", media_type: "text/plain", data: "The library opens at nine." },
  citations: { enabled: true },
};
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII=";
const PERSON = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};

const user = (content) => ({ role: "user", content });
const asked = (content, more = {}) => ({ model: MODEL, max_tokens: 200, messages: [user(content)], ...more });
const kinds = (message) => message.content.map((block) => block.type);
const text = (message) => message.content.map((block) => block.text ?? "").join("");

const client = new Anthropic({ baseURL, apiKey, timeout: 200_000 });

const scenarios = {
  async create() {
    const message = await client.messages.create(asked("Count from 1 to 5."));
    return [text(message), message.stop_reason, message.role, message.model, message.usage.input_tokens > 0];
  },
  async limits() {
    const cut = await client.messages.create(asked("Count from 1 to 50.", { max_tokens: 5 }));
    const stopped = await client.messages.create(asked("Count from 1 to 9.", { stop_sequences: ["4"] }));
    return [cut.stop_reason, cut.usage.output_tokens, stopped.stop_reason, stopped.stop_sequence, text(stopped)];
  },
  async stream() {
    const pieces = [];
    const events = client.messages.stream(asked("Repeat exactly: é漢😀", { system: "Be kind." }));
    events.on("text", (piece) => pieces.push(piece));
    const message = await events.finalMessage();
    return [pieces.join(""), text(message), message.stop_reason, message.usage.output_tokens > 0];
  },
  async raw_stream() {
    const seen = [];
    for await (const event of await client.messages.create(asked("Hi", { stream: true }))) seen.push(event.type);
    return [seen[0], seen.at(-2), seen.at(-1), seen.includes("content_block_delta")];
  },
  async tools() {
    const question = asked(PARIS, { tools: [WEATHER] });
    const first = await client.messages.create(question);
    const call = first.content[0];
    const result = { type: "tool_result", tool_use_id: call.id, content: "Sunny" };
    const turns = [...question.messages, { role: "assistant", content: first.content }, user([result])];
    const second = await client.messages.create({ ...question, messages: turns });
    return [first.stop_reason, call.name, call.input, second.stop_reason, text(second)];
  },
  async tools_streamed() {
    const both = [WEATHER, { ...WEATHER, name: "get_time" }];
    const question = asked("Call get_weather and get_time for Paris.", { tools: both });
    const message = await client.messages.stream(question).finalMessage();
    return [kinds(message), message.content.map((block) => block.input), message.stop_reason];
  },
  async forced() {
    const reasons = [];
    for (const [question, choice] of [
      ["Hi", { type: "tool", name: "get_weather" }],
      ["Hi", { type: "any" }],
      [PARIS, { type: "none" }],
    ])
      reasons.push((await client.messages.create(asked(question, { tools: [WEATHER], tool_choice: choice }))).stop_reason);
    return reasons;
  },
  async runner() {
    const tool = betaTool({ ...WEATHER, inputSchema: CITY, run: ({ city }) => `Sunny in ${city}` });
    const question = asked(PARIS, { tools: [tool] });
    const whole = await client.beta.messages.toolRunner(question).runUntilDone();
    const streamed = [];
    for await (const answer of client.beta.messages.toolRunner({ ...question, stream: true }))
      streamed.push((await answer.finalMessage()).stop_reason);
    return [text(whole), streamed];
  },
  async thinking() {
    const question = asked("What is 27 times 43?", {
      thinking: { type: "enabled", budget_tokens: 1024 },
      max_tokens: 2000,
    });
    const whole = await client.messages.create(question);
    const streamed = await client.messages.stream(question).finalMessage();
    const follow = [...question.messages, { role: "assistant", content: streamed.content }, user("Go on.")];
    await client.messages.create({ ...question, messages: follow });
    return [kinds(whole), kinds(streamed), whole.content[0].signature === streamed.content[0].signature];
  },
  async structured() {
    const output_config = { format: jsonSchemaOutputFormat(PERSON) };
    const question = asked("Ada is 36 years old. Give her name and her age.", { output_config });
    const parsed = (await client.messages.parse(question)).parsed_output;
    return [typeof parsed.name === "string" ? "str" : typeof parsed.name, parsed.age];
  },
  async documents() {
    const question = asked([NOTE, { type: "text", text: "When does the library open?" }]);
    const whole = await client.messages.create(question);
    const streamed = await client.messages.stream(question).finalMessage();
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } };
    const seen = await client.messages.create(asked([image, { type: "text", text: "What is it?" }]));
    const blind = await client.messages.create(asked("What is it?"));
    const cited = [whole, streamed].map((message) => message.content[0].citations[0].cited_text);
    return [...cited, seen.usage.input_tokens > blind.usage.input_tokens];
  },
  async count() {
    const question = { model: MODEL, messages: [user("Hello")], system: "Be kind.", tools: [WEATHER] };
    const counted = (await client.messages.countTokens(question)).input_tokens;
    return counted === (await client.messages.create({ ...question, max_tokens: 5 })).usage.input_tokens;
  },
  async models() {
    const listed = [];
    for await (const model of client.models.list({ limit: 2 })) listed.push(model.id);
    const found = await client.models.retrieve("anthropic/claude-opus-4-5");
    return [listed.length > 2, listed.includes(found.id), found.type];
  },
  async caching() {
    const words = "All work and no play. ".repeat(300);
    const system = [{ type: "text", text: words, cache_control: { type: "ephemeral" } }];
    const first = (await client.messages.create(asked("Hi", { system }))).usage;
    const second = (await client.messages.create(asked("Hi", { system }))).usage;
    const [written, read] = [first.cache_creation_input_tokens, second.cache_read_input_tokens];
    return [written > 1000, first.cache_read_input_tokens, second.cache_creation_input_tokens, read === written];
  },
  async errors() {
    const stranger = client.withOptions({ apiKey: "wrong", maxRetries: 0 });
    return [
      await said(() => stranger.messages.create(asked("Hi"))),
      await said(() => client.messages.create(asked("Hi", { model: "no-such-model" }))),
      await said(() => client.messages.create(asked("Hi", { max_tokens: -1 }))),
      await said(() => client.messages.create(asked("Hi", { max_tokens: -1, stream: true }))),
      await said(() => client.models.retrieve("no-such-model")),
    ];
  },
};

async function said(call) {
  try {
    await call();
  } catch (error) {
    return [error.constructor.name, error.status, error.error.error.type, Boolean(error.requestID)];
  }
  return "no error";
}

async function patience() {
  const done = [];
  for (let at = 0; at < BUSY_EVERY; at++) done.push((await client.messages.create(asked("Hi"))).stop_reason);
  const refused = [];
  for (let at = 0; at < BUSY_EVERY; at++) {
    try {
      await client.withOptions({ maxRetries: 0 }).messages.create(asked("Hi"));
    } catch (error) {
      refused.push([error.status, error.error.error.type]);
    }
  }
  return [done.length, refused];
}

const { version } = JSON.parse(readFileSync(`${folder}/node_modules/@anthropic-ai/sdk/package.json`));
const results = { version };
for (const [name, scenario] of Object.entries(names.includes("patience") ? { patience } : scenarios))
  results[name] = await scenario();
console.log(JSON.stringify(results));
