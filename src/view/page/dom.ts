// Creates elements. Content is set as text nodes and attributes, never as markup. Imports nothing.

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;
type Child = Node | string | undefined;

function fill(element: Element, attributes: Attributes, children: readonly Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== undefined) element.append(child);
}

export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(element, attributes, children);
  return element;
}

export function button(label: string, title: string, act: () => void): HTMLButtonElement {
  const made = el("button", { type: "button", title }, label);
  made.addEventListener("click", act);
  return made;
}

/** Replaces invisible and direction-changing characters by a box, since names come from any program. */
export const visible = (text: string): string =>
  text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]/gu, (character) =>
    character === "\n" || character === "\t" ? " " : "\ufffd",
  );

/** The start of a text, which may be very long. */
export const short = (text: string, most: number): string =>
  visible(text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Replaces only changed children, so that an open list stays open during a live run. */
export function offer(list: HTMLSelectElement, texts: readonly string[], chosen: number): void {
  list.length = Math.min(list.length, texts.length);
  for (let i = list.length; i < texts.length; i++) list.append(el("option"));
  for (const [i, option] of [...list.options].entries()) {
    const text = texts[i] ?? "";
    if (option.textContent !== text) option.textContent = text;
  }
  list.selectedIndex = chosen;
}
