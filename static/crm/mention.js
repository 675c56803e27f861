// In a text marked data-mentions (the address that knows whom it may call), @ and two letters offer people below it. Arrows
// choose, Enter or Tab puts the name in place, Escape closes. The focus stays in the text; the chosen one is its active
// descendant. Without scripts the name is typed whole.
const PAUSE = 200;
const FROM = 2;
const CALL = /(?:^|[^\p{L}\p{N}_@.])@([\p{L}\p{N}_.'’-]+(?: [\p{L}\p{N}_.'’-]*)?)$/u;
let field;
let list;
let timer;
let asking;

function typed() {
  const before = field.value.slice(0, field.selectionStart);
  const call = field.selectionStart === field.selectionEnd && before.match(CALL);
  return call && call[1].trim().length >= FROM ? call[1] : undefined;
}

const options = () => (list ? [...list.children] : []);
const active = () => list?.querySelector("[aria-selected=true]");

function close() {
  clearTimeout(timer);
  asking?.abort();
  list?.remove();
  list = undefined;
  field?.removeAttribute("aria-activedescendant");
  field?.removeAttribute("aria-controls");
}

function choose(option) {
  active()?.setAttribute("aria-selected", "false");
  option.setAttribute("aria-selected", "true");
  field.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

function put(option) {
  const at = field.selectionStart - typed().length;
  const rest = field.value.slice(field.selectionStart);
  field.setRangeText(option.dataset.word + (rest.startsWith(" ") ? "" : " "), at, field.selectionStart, "end");
  close();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function offer(html, words) {
  if (document.activeElement !== field || typed() !== words) return;
  close();
  const made = document.createElement("ul");
  made.innerHTML = html;
  if (!made.children.length) return;
  list = Object.assign(made, { id: "mention-list", className: "mention-options", role: "listbox", ariaLabel: field.dataset.sayOffered });
  field.after(list);
  field.setAttribute("aria-controls", list.id);
  choose(options()[0]);
  const names = options().map((option) => option.textContent.trim()).join(", ");
  document.dispatchEvent(new CustomEvent("crm:announce", { detail: `${field.dataset.sayOffered} ${names}` }));
}

async function ask(words) {
  asking = new AbortController();
  const url = `${field.dataset.mentions}&q=${encodeURIComponent(words)}`;
  try {
    const answer = await fetch(url, { signal: asking.signal, headers: { "X-Requested-With": "fetch" } });
    if (answer.ok && !answer.redirected) offer(await answer.text(), words);
  } catch {
    // offline or overtaken: a name can be typed without help
  }
}

document.addEventListener("input", ({ target, isComposing }) => {
  if (isComposing || !target.matches?.("textarea[data-mentions]")) return;
  field = target;
  const words = typed();
  clearTimeout(timer);
  asking?.abort();
  if (words === undefined) return close();
  timer = setTimeout(() => ask(words), PAUSE);
});
// before send.js and whoever else listens to keys
document.addEventListener(
  "keydown",
  (event) => {
    if (!list || event.target !== field || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const all = options();
    const to = { ArrowDown: all.indexOf(active()) + 1, ArrowUp: all.indexOf(active()) - 1 }[event.key];
    if (to !== undefined) choose(all[(to + all.length) % all.length]);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && typed() !== undefined) put(active());
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  },
  true,
);
document.addEventListener("pointerdown", (event) => {
  const option = event.target.closest?.(".mention-option");
  if (!option || !list) return list && event.target !== field ? close() : undefined;
  event.preventDefault();
  put(option);
});
document.addEventListener("focusout", ({ target }) => target === field && close());
document.addEventListener("htmx:beforeSwap", ({ detail }) => field && detail.target.contains(field) && close());
