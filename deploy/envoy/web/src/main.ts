// The page: what is typed is asked, what is answered appears as it comes, Stop cancels the call.

import { createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { CallState, LLMProviderService, type Message, ModelService, UsageService } from "weir-client/v1";
import { ChatFold, user } from "weir-client/web";

import { factsOf, usageOf } from "./facts";
import { failureOf } from "./failure";
import { AnswerView, byId, userSaid } from "./view";

/** Deadline of an answer; it travels as grpc-timeout. */
const TIMEOUT_MS = 300_000;
const LOOKS_FOR_USAGE = 10;
const LOOK_EVERY_MS = 200;

const key = byId<HTMLInputElement>("key");
const model = byId<HTMLSelectElement>("model");
const prompt = byId<HTMLTextAreaElement>("prompt");
const send = byId<HTMLButtonElement>("send");
const stop = byId<HTMLButtonElement>("stop");

// The key stays in its field: it is in no storage that another page or script could read later.
const withKey: Interceptor = (next) => (request) => {
  if (key.value) request.header.set("authorization", `Bearer ${key.value}`);
  return next(request);
};

const transport = createGrpcWebTransport({
  baseUrl: document.querySelector<HTMLMetaElement>("meta[name=weir]")?.content ?? "",
  interceptors: [withKey],
});
const llm = createClient(LLMProviderService, transport);
const usage = createClient(UsageService, transport);

const said: Message[] = [];
let running: AbortController | undefined;

async function ask(text: string): Promise<void> {
  const question = user(text);
  userSaid(text);
  const view = new AnswerView();
  const fold = new ChatFold();
  const stopping = new AbortController();
  let responseId = "";
  start(stopping);
  try {
    const request = { messages: [...said, question], model: model.value };
    const options = { signal: stopping.signal, timeoutMs: TIMEOUT_MS };
    for await (const { events } of llm.streamChat({ request }, options)) {
      for (const event of events) {
        fold.add(event);
        view.event(event);
        if (event.event.case === "start") responseId = event.event.value.responseId;
      }
    }
    // Only a whole answer becomes part of the conversation: a cut or a failed one throws here.
    const answer = fold.response();
    if (answer.message) said.push(question, answer.message);
    view.facts(factsOf(answer));
  } catch (error) {
    const progress = { started: responseId !== "", answered: fold.answered };
    if (stopping.signal.aborted) await tellStopped(view, responseId);
    else view.failed(failureOf(error, progress));
  } finally {
    stopping.abort(); // leaving the loop alone does not end a call of Connect
    view.over();
    finish();
  }
}

/** A stopped call gets no end; what it used is in the books. */
async function tellStopped(view: AnswerView, responseId: string): Promise<void> {
  view.facts("stopped");
  for (let look = 0; responseId && look < LOOKS_FOR_USAGE; look++) {
    try {
      const { call } = await usage.getResponseUsage({ responseId });
      if (call && call.state !== CallState.RUNNING) {
        view.facts(["stopped", ...usageOf(call.usage)].join(" · "));
        return;
      }
    } catch {
      return; // no books, or no right to see them: that it was stopped is said
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function start(stopping: AbortController): void {
  running = stopping;
  send.hidden = true;
  stop.hidden = false;
}

function finish(): void {
  running = undefined;
  send.hidden = false;
  stop.hidden = true;
  prompt.focus();
}

async function listModels(): Promise<void> {
  try {
    const { models } = await createClient(ModelService, transport).listModels({ pageSize: 100 });
    model.replaceChildren(...models.map(({ name }) => new Option(name.replace("models/", ""), name)));
  } catch (error) {
    new AnswerView().failed(failureOf(error));
  }
}

byId<HTMLFormElement>("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = prompt.value.trim();
  if (running || !text) return;
  prompt.value = "";
  void ask(text);
});
prompt.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId<HTMLFormElement>("composer").requestSubmit();
});
stop.addEventListener("click", () => running?.abort());
key.addEventListener("change", () => void listModels());
void listModels();
