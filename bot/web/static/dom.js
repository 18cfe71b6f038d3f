// The few helpers this page needs in place of a framework.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const $ = (id) => document.getElementById(id);
export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);
export const svg = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

// Writes only what differs, so that an unchanged page costs no layout.
export function put(node, value) {
  const text = String(value);
  if (node.textContent !== text) node.textContent = text;
}

export function attr(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else {
    const text = value === true ? "" : String(value);
    if (node.getAttribute(name) !== text) node.setAttribute(name, text);
  }
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

// Makes the children of `parent` match `items`, one node per key; nodes that stay keep their focus.
export function keyed(parent, items, key, create, update) {
  const before = (parent.nodes ??= new Map());
  const after = new Map();
  for (const item of items) {
    const name = key(item);
    const node = before.get(name) ?? create(item);
    update?.(node, item);
    after.set(name, node);
  }
  for (const [name, node] of before) if (after.get(name) !== node) node.remove();
  let place = parent.firstElementChild;
  while (place && !place.keyed && place.tagName === "THEAD") place = place.nextElementSibling;
  for (const node of after.values()) {
    node.keyed = true;
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  parent.nodes = after;
}

export function empty(text) {
  return h("p", { class: "empty" }, text);
}
