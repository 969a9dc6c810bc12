// What does the page show? Text only ever becomes text: nothing that a model says is markup.

import { type GenerationEvent, type Part, type PartDelta, Phase } from "weir-client/v1";
import { Code, type WeirError } from "weir-client/web";

/** The element of an id that the page itself has. */
export function byId<Kind extends HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind;
}

function add(parent: HTMLElement, tag: string, name: string, text = ""): HTMLElement {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  parent.append(element);
  return element;
}

/** Show what the user says. */
export function userSaid(text: string): void {
  add(byId("talk"), "div", "user", text).scrollIntoView();
}

function phaseOf(phase: Phase): string {
  return `${(Phase[phase] ?? "").toLowerCase().replaceAll("_", " ")}…`;
}

/** An answer that is being written. */
export class AnswerView {
  readonly #root = add(byId("talk"), "article", "assistant running");
  #reasoning: HTMLElement | undefined;
  readonly #text = add(this.#root, "div", "text");
  readonly #facts = add(this.#root, "div", "facts", "asking…");
  readonly #kinds = new Map<number, Part["kind"]["case"]>();

  /** Show what an event adds. */
  event({ event }: GenerationEvent): void {
    switch (event.case) {
      case "partStart":
        this.#kinds.set(event.value.index, event.value.part?.kind.case);
        break;
      case "partDelta":
        this.#more(event.value);
        break;
      case "heartbeat":
        this.facts(phaseOf(event.value.phase));
    }
  }

  #more({ index, delta }: PartDelta): void {
    if (delta.case !== "text") return;
    const kind = this.#kinds.get(index);
    if (kind === "text" || kind === "refusal") this.#text.append(delta.value);
    else if (kind === "reasoning") this.#reasoned().append(delta.value);
    this.#follow();
  }

  #reasoned(): HTMLElement {
    if (!this.#reasoning) {
      this.#reasoning = add(this.#root, "div", "reasoning");
      this.#root.prepend(this.#reasoning);
    }
    return this.#reasoning;
  }

  /** Say how things stand, under the text. */
  facts(text: string): void {
    this.#facts.textContent = text;
    this.#follow();
  }

  failed(failure: WeirError): void {
    const box = add(this.#root, "div", "failure");
    box.setAttribute("role", "alert");
    add(box, "strong", "reason", failure.reason || failure.name);
    box.append(` ${failure.message}`);
    this.#facts.before(box);
    if (failure.fieldViolations.length > 0) {
      const list = add(box, "ul", "fields");
      for (const { field, description } of failure.fieldViolations) {
        add(list, "li", "field", `${field}: ${description}`);
      }
    }
    const again =
      failure.retryAfterMs === undefined
        ? []
        : [`try again in ${(failure.retryAfterMs / 1000).toFixed(1)} s`];
    this.facts([Code[failure.code], ...again, failure.requestId].filter(Boolean).join(" · "));
  }

  /** No more of it will come. */
  over(): void {
    this.#root.classList.remove("running");
    this.#follow();
  }

  #follow(): void {
    this.#root.scrollIntoView({ block: "end" });
  }
}
