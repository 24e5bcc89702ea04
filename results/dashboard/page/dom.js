/** Elements of the page, made without ever reading a text as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Text children become text nodes, so nothing in them is ever read as HTML.
 * The tag may have classes, as "td.number". Attributes named "on..." are listeners; true and
 * false say whether an attribute is there.
 * @type {MakeElement}
 */
export function element(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  return fill(document.createElement(name), classes, attributes, children);
}

/** As {@link element}, of an SVG drawing. @type {MakeDrawn} */
export function drawn(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  return fill(document.createElementNS(SVG, name), classes, attributes, children);
}

/** @type {(node: any, classes: string[], attributes: Attributes, children: Children) => any} */
function fill(node, classes, attributes, children) {
  node.classList.add(...classes);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

/** @type {<Id extends keyof Ids>(id: Id) => Ids[Id]} */
export const byId = (id) => /** @type {any} */ (document.getElementById(id));

/** @param {string} value @param {string} label @param {string} chosen */
export function option(value, label, chosen) {
  return element("option", { value, selected: value === chosen }, label);
}

/**
 * A filled share of a track, as in a bar chart.
 * @param {number} share in [0, 1] @param {string} label @param {string} [colour]
 */
export function bar(share, label, colour) {
  const full = element("span.fill");
  full.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  if (colour) full.style.background = colour;
  return element("span.bar", { role: "img", "aria-label": label }, full);
}

/**
 * Hands the reader a file made here.
 * @param {string} name @param {string} text @param {string} type
 */
export function save(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/**
 * Copies, and says so on the button; a page from a file may lack the clipboard.
 * @param {string} text @param {HTMLElement} button
 */
export async function copy(text, button) {
  const label = button.textContent;
  const done = await copied(text);
  button.textContent = done ? "copied" : "select and copy below";
  announce(done ? `copied: ${text}` : text);
  setTimeout(() => (button.textContent = label), 1600);
}

/** @param {string} text */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);
  }
}

/** @param {string} text */
function copiedBySelection(text) {
  const field = element("textarea.aside", { readonly: true }, text);
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

/** Tells a screen reader. @param {string} text */
export function announce(text) {
  byId("said").textContent = text;
}

/**
 * Whether an event asks for a second candidate beside the open one.
 * @param {MouseEvent | KeyboardEvent} event
 */
export const isBeside = (event) => event.shiftKey || event.ctrlKey || event.metaKey;

/** What has the keyboard. */
export const focused = () => /** @type {HTMLElement | null} */ (document.activeElement);
