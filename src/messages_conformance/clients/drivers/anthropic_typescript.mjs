// Drives the official TypeScript SDK. Its arguments: the JSON of the parent, and the folder with node_modules.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const given = JSON.parse(process.argv[2]);
const folder = process.argv[3];
const require = createRequire(`${folder}/package.json`);
const Anthropic = require("@anthropic-ai/sdk");
const { version } = JSON.parse(readFileSync(`${folder}/node_modules/@anthropic-ai/sdk/package.json`, "utf8"));

const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const PERSON = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};
const DESCRIPTIONS = { get_weather: "Gives the weather in one city.", get_time: "Gives the time in one city." };
const RESULT = "Sunny, 21 degrees";
const FAILURE = "The service is not available";
const MAX_TOKENS = 400;

const MOST_CHARACTERS = 60_000; // the longest line that the parent takes is a little longer
const say = (line) => {
  let written = JSON.stringify(line);
  if (written.length > MOST_CHARACTERS) {
    const tooLong = { error: "TooLong", message: `the result has ${written.length} characters` };
    written = JSON.stringify({ ...line, result: tooLong });
  }
  process.stdout.write(`\x1e${written}\n`);
};

function fields(ask) {
  let content = ask.prompt;
  if (ask.image) {
    const source = { type: "base64", media_type: "image/png", data: ask.image };
    content = [{ type: "image", source }, { type: "text", text: content }];
  }
  const made = { model: given.model, messages: [{ role: "user", content }] };
  if (!ask.count) made.max_tokens = ask.max_tokens ?? MAX_TOKENS;
  if (ask.system) made.system = ask.system;
  if (ask.tools) {
    made.tools = ask.tools.map((name) => ({ name, description: DESCRIPTIONS[name], input_schema: CITY }));
  }
  if (ask.thinking) made.thinking = { type: "enabled", budget_tokens: ask.thinking };
  return made;
}

function handed(message) {
  return {
    text: message.content.filter((block) => block.type === "text").map((block) => block.text).join(""),
    calls: message.content.filter((block) => block.type === "tool_use").map((block) => [block.name, block.input]),
    stop_reason: message.stop_reason,
    input_tokens: message.usage.input_tokens,
    output_tokens: message.usage.output_tokens,
    cached_tokens: (message.usage.cache_creation_input_tokens ?? 0) + (message.usage.cache_read_input_tokens ?? 0),
    thinking: message.content.some((block) => block.type === "thinking" && block.thinking),
  };
}

async function asked(client, made, stream) {
  if (!stream) {
    const message = await client.messages.create(made);
    return [message, handed(message)];
  }
  let text = "";
  const events = client.messages.stream(made);
  events.on("text", (piece) => (text += piece));
  const message = await events.finalMessage();
  const result = handed(message);
  if (text !== result.text) result.text = `${JSON.stringify(text)} in pieces, ${JSON.stringify(result.text)} at the end`;
  return [message, result];
}

async function aborted(client, made) {
  const events = await client.messages.create({ ...made, stream: true });
  for await (const event of events) if (event.type === "content_block_delta") break;
  made.messages = [{ role: "user", content: "Reply with the single word: ok" }];
  return handed(await client.messages.create(made));
}

async function run(ask, baseURL, apiKey) {
  const client = new Anthropic({ baseURL, apiKey, timeout: 200_000 });
  if (ask.times > 1) {
    const prompts = Array.from({ length: ask.times }, (_, number) => ({ ...ask, prompt: `${ask.prompt}${number}` }));
    const results = await Promise.all(prompts.map(async (one) => handed(await client.messages.create(fields(one)))));
    return { text: results.map((result) => result.text).join(" ") };
  }
  const made = fields(ask);
  if (ask.count) return { counted: (await client.messages.countTokens(made)).input_tokens };
  if (ask.abort) return aborted(client, made);
  if (ask.person) {
    const { jsonSchemaOutputFormat } = require("@anthropic-ai/sdk/helpers/json-schema");
    const question = { ...made, output_config: { format: jsonSchemaOutputFormat(PERSON) } };
    const parsed = await (ask.stream ? client.messages.stream(question).finalMessage() : client.messages.parse(question));
    return { parsed: parsed.parsed_output };
  }
  const [message, result] = await asked(client, made, ask.stream);
  if (ask.follow && result.calls.length) {
    const content = message.content
      .filter((block) => block.type === "tool_use")
      .map((block) => ({
        type: "tool_result",
        tool_use_id: block.id,
        content: ask.tool_fails ? FAILURE : RESULT,
        ...(ask.tool_fails ? { is_error: true } : {}),
      }));
    const turns = [{ role: "assistant", content: message.content }, { role: "user", content }];
    const [, second] = await asked(client, { ...made, messages: [...made.messages, ...turns] }, ask.stream);
    result.final = second.text;
    result.final_input_tokens = second.input_tokens;
  }
  return result;
}

function failure(error) {
  const status = error?.status ?? error?.statusCode;
  return {
    error: error?.constructor?.name ?? typeof error,
    module: "",
    status: Number.isInteger(status) ? status : null,
    message: String(error?.message ?? error).slice(0, 300),
  };
}

say({ ready: version });
for (const [name, ask] of Object.entries(given.scenarios)) {
  const key = ask.wrong_key ? "wrong-key" : process.env.CLIENT_KEY;
  let result;
  try {
    result = await run(ask, given.base_url.replace("{scenario}", name), key);
  } catch (error) {
    result = failure(error);
  }
  say({ scenario: name, result });
}
process.exit(0);
