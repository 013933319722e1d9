// Drives the Vercel AI SDK. Its arguments: the JSON of the parent, and the folder with node_modules.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const given = JSON.parse(process.argv[2]);
const folder = process.argv[3];
const require = createRequire(`${folder}/package.json`);
const { generateText, streamText, generateObject, jsonSchema, tool } = require("ai");
const { createAnthropic } = require("@ai-sdk/anthropic");
const { version } = JSON.parse(readFileSync(`${folder}/node_modules/ai/package.json`, "utf8"));

const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
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
const REASONS = { "tool-calls": "tool_use", stop: "end_turn", length: "max_tokens" };

const MOST_CHARACTERS = 60_000; // the longest line that the parent takes is a little longer
const say = (line) => {
  let written = JSON.stringify(line);
  if (written.length > MOST_CHARACTERS) {
    const tooLong = { error: "TooLong", message: `the result has ${written.length} characters` };
    written = JSON.stringify({ ...line, result: tooLong });
  }
  process.stdout.write(`\x1e${written}\n`);
};

function fields(ask, model) {
  const content = [{ type: "text", text: ask.prompt }];
  if (ask.image) content.unshift({ type: "image", image: ask.image, mediaType: "image/png" });
  const made = { model, messages: [{ role: "user", content }], maxOutputTokens: ask.max_tokens ?? MAX_TOKENS };
  if (ask.system) made.system = ask.system;
  if (ask.tools) {
    const entries = ask.tools.map((name) => [
      name,
      tool({ description: DESCRIPTIONS[name], inputSchema: jsonSchema(CITY) }),
    ]);
    made.tools = Object.fromEntries(entries);
  }
  if (ask.thinking) {
    made.providerOptions = { anthropic: { thinking: { type: "enabled", budgetTokens: ask.thinking } } };
  }
  return made;
}

async function asked(made, stream) {
  if (!stream) return await generateText(made);
  let failed;
  const events = streamText({ ...made, onError: ({ error }) => (failed ??= error) });
  let text = "";
  for await (const piece of events.textStream) text += piece;
  if (failed) throw failed;
  return {
    text,
    toolCalls: await events.toolCalls,
    finishReason: await events.finishReason,
    usage: await events.usage,
    reasoningText: await events.reasoningText,
    response: await events.response,
  };
}

const handed = (result) => ({
  text: result.text,
  calls: result.toolCalls.map((call) => [call.toolName, call.input]),
  stop_reason: REASONS[result.finishReason] ?? result.finishReason,
  input_tokens: result.usage.inputTokens,
  output_tokens: result.usage.outputTokens,
  thinking: Boolean(result.reasoningText),
});

async function run(ask, baseURL, apiKey) {
  const model = createAnthropic({ baseURL: `${baseURL}/v1`, apiKey })(given.model);
  if (ask.times > 1) {
    const prompts = Array.from({ length: ask.times }, (_, number) => ({ ...ask, prompt: `${ask.prompt}${number}` }));
    const results = await Promise.all(prompts.map(async (one) => handed(await generateText(fields(one, model)))));
    return { text: results.map((result) => result.text).join(" ") };
  }
  const made = fields(ask, model);
  if (ask.person) return { parsed: (await generateObject({ ...made, schema: jsonSchema(PERSON) })).object };
  const first = await asked(made, ask.stream);
  const result = handed(first);
  if (ask.follow && result.calls.length) {
    const output = ask.tool_fails ? { type: "error-text", value: FAILURE } : { type: "text", value: RESULT };
    const content = first.toolCalls.map(({ toolCallId, toolName }) => ({ type: "tool-result", toolCallId, toolName, output }));
    const turns = [...made.messages, ...first.response.messages, { role: "tool", content }];
    result.final = handed(await asked({ ...made, messages: turns }, ask.stream)).text;
  }
  return result;
}

function failure(error) {
  const cause = error?.lastError ?? error;
  const status = cause?.statusCode ?? cause?.status;
  return {
    error: cause?.name ?? typeof cause,
    module: "",
    status: Number.isInteger(status) ? status : null,
    message: String(cause?.message ?? cause).slice(0, 300),
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
