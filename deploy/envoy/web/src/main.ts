// The page: what is typed is asked, what is answered appears as it comes, Stop cancels the call.

import { create } from "@bufbuild/protobuf";
import { createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

import { answer } from "./chat";
import { failureOf } from "./failure";
import { factsOf, usageOf } from "./facts";
import { type Message, MessageSchema, Role } from "./gen/weir/v1/content_pb";
import { ModelService } from "./gen/weir/v1/model_service_pb";
import { LLMProviderService } from "./gen/weir/v1/provider_service_pb";
import { CallState, UsageService } from "./gen/weir/v1/usage_service_pb";
import { AnswerView, byId, userSaid } from "./view";

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
  const question = create(MessageSchema, {
    role: Role.USER,
    parts: [{ kind: { case: "text", value: text } }],
  });
  userSaid(text);
  const view = new AnswerView();
  const stopping = new AbortController();
  let responseId = "";
  let ended = false;
  start(stopping);
  try {
    const conversation = { messages: [...said, question], model: model.value };
    for await (const step of answer(llm, conversation, stopping.signal)) {
      switch (step.kind) {
        case "start":
          responseId = step.responseId;
          break;
        case "text":
          view.text(step.text);
          break;
        case "reasoning":
          view.reasoning(step.text);
          break;
        case "phase":
          view.facts(phaseOf(step.phase));
          break;
        case "end":
          view.facts(factsOf(step.end));
          ended = true;
          // A failed answer is no part of the conversation, and its error is thrown next.
          if (!step.end.error) said.push(question, step.message);
      }
    }
    if (!ended) throw new Error("The stream was cut before its end.");
  } catch (error) {
    if (stopping.signal.aborted) await tellStopped(view, responseId);
    else view.failed(failureOf(error));
  } finally {
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

function phaseOf(phase: string): string {
  return `${phase.toLowerCase().replaceAll("_", " ")}…`;
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
