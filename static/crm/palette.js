// The command palette: Ctrl-K (Cmd-K) everywhere, or whatever is marked data-palette-open. Results come from the server as
// options; beside them stands what the page itself offers (its buttons), which is pressed as if by hand. The focus stays in
// the field, the chosen option is its active descendant. Enter before the results are there waits for them.
const dialog = document.getElementById("palette");
const field = document.getElementById("palette-field");
const results = document.getElementById("palette-results");
const status = document.getElementById("palette-status");
const OFFERS = ":is(.page-actions, .actions, .moves) :is(a, button):not(.btn-link, [aria-disabled=true], :disabled)";
const MOST = 12;
let asked; // what the request on its way is for
let answered; // what the options on the screen are for
let waiting = false;

const words = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
const textOf = (element) => element.textContent.replace(/\s+/g, " ").trim();
const options = () => [...results.querySelectorAll("[role=option]")];
const active = () => results.querySelector("[aria-selected=true]");

function offers() {
  const room = [...document.querySelectorAll("dialog[open]:not(#palette)")].at(-1) ?? document.getElementById("main");
  const typed = words(field.value);
  const seen = new Map();
  for (const one of room.querySelectorAll(OFFERS)) {
    const told = words(textOf(one));
    const fits = typed.every((word) => told.some((begins) => begins.startsWith(word)));
    if (fits && told.length && one.checkVisibility() && !seen.has(textOf(one))) seen.set(textOf(one), one);
  }
  return [...seen].slice(0, MOST);
}

function offerHere() {
  const found = offers();
  if (!found.length) return;
  const group = document.createElement("div");
  group.role = "group";
  group.ariaLabel = dialog.dataset.sayHere;
  const title = Object.assign(document.createElement("div"), { className: "palette-title", textContent: dialog.dataset.sayHere });
  title.role = "presentation";
  group.append(title);
  for (const [text, element] of found) {
    const option = Object.assign(document.createElement("button"), { type: "button", className: "palette-option", tabIndex: -1 });
    option.role = "option";
    option.ariaSelected = "false";
    const icon = element.querySelector("svg")?.cloneNode(true);
    option.append(...(icon ? [icon] : []), Object.assign(document.createElement("span"), { textContent: text }));
    option.addEventListener("click", () => element.click());
    group.append(option);
  }
  results.prepend(group);
}

function choose(option) {
  active()?.setAttribute("aria-selected", "false");
  field.removeAttribute("aria-activedescendant");
  if (!option) return;
  option.setAttribute("aria-selected", "true");
  field.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

function open() {
  if (dialog.open) return field.select();
  for (const menu of document.querySelectorAll(":popover-open")) menu.hidePopover();
  field.value = "";
  status.textContent = "";
  results.replaceChildren();
  answered = undefined;
  waiting = false;
  dialog.showModal();
  field.focus();
  field.dispatchEvent(new CustomEvent("crm:palette", { bubbles: true }));
}

document.addEventListener("keydown", (event) => {
  if (!dialog || event.isComposing || event.altKey || event.shiftKey) return;
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
  event.preventDefault();
  open();
});
document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || !event.target.closest?.("[data-palette-open]")) return;
  event.preventDefault();
  open();
});

field?.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  const all = options();
  const at = all.indexOf(active());
  const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? all.length - 1 : at - 1 }[event.key];
  if (event.key === "Enter") {
    event.preventDefault();
    waiting = answered !== field.value;
    if (!waiting) active()?.click();
  } else if (to !== undefined && all.length) {
    event.preventDefault();
    choose(all[(to + all.length) % all.length]);
  }
});
field?.addEventListener("input", () => (waiting = false));
field?.addEventListener("htmx:configRequest", (event) => {
  asked = field.value;
  event.detail.parameters.here = field.value.trim() ? offers().length : 0;
});
results?.addEventListener("htmx:afterSwap", () => {
  if (!dialog.open || asked !== field.value) return;
  answered = asked;
  offerHere();
  options().forEach((option, index) => (option.id = `palette-option-${index}`));
  field.ariaExpanded = String(options().length > 0);
  choose(field.value.trim() ? options()[0] : undefined);
  if (waiting) active()?.click();
  waiting = false;
});
// The palette closes first, so that what is pressed finds the page as it was, and the focus where it was.
results?.addEventListener("click", (event) => event.target.closest("[role=option]:not([href])") && dialog.close(), true);
results?.addEventListener("pointermove", (event) => choose(event.target.closest("[role=option]") ?? active()));
dialog?.querySelector("[data-palette-close]").addEventListener("click", () => dialog.close());
document.addEventListener("crm:trouble", ({ detail: { kind, elt } }) => {
  if (elt !== field) return;
  waiting = false;
  status.textContent = textOf(document.getElementById("troubles").content.querySelector(`[data-trouble=${kind}] .message-text`));
});
