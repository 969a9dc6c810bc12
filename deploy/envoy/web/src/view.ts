// What does the page show? Text only ever becomes text: nothing that a model says is markup.

import type { Failure } from "./failure";

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

/** An answer that is being written. */
export class AnswerView {
  readonly #root = add(byId("talk"), "article", "assistant running");
  #reasoning: HTMLElement | undefined;
  readonly #text = add(this.#root, "div", "text");
  readonly #facts = add(this.#root, "div", "facts", "asking…");

  text(more: string): void {
    this.#text.append(more);
    this.#follow();
  }

  reasoning(more: string): void {
    if (!this.#reasoning) {
      this.#reasoning = add(this.#root, "div", "reasoning");
      this.#root.prepend(this.#reasoning);
    }
    this.#reasoning.append(more);
    this.#follow();
  }

  /** Say how things stand, under the text. */
  facts(text: string): void {
    this.#facts.textContent = text;
    this.#follow();
  }

  failed(failure: Failure): void {
    const box = add(this.#root, "div", "failure");
    box.setAttribute("role", "alert");
    add(box, "strong", "reason", failure.reason || failure.code);
    box.append(` ${failure.message}`);
    this.#facts.before(box);
    if (failure.fields.length > 0) {
      const list = add(box, "ul", "fields");
      for (const { field, description } of failure.fields) {
        add(list, "li", "field", `${field}: ${description}`);
      }
    }
    const again =
      failure.retryAfterMs === undefined
        ? []
        : [`try again in ${(failure.retryAfterMs / 1000).toFixed(1)} s`];
    this.facts([failure.code, ...again, failure.requestId].filter(Boolean).join(" · "));
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
