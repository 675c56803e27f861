// What is typed into a form that is sent by POST (data-busy) stays in this tab, under the form's address, until it was sent
// or discarded (the form's reset), and comes back when the form is opened again. Leaving the page before asks. Never kept:
// what is hidden (token, version), passwords and the forms they are in, and anything of another person or after signing out.
const NAME = "typed";
const FORM = "form[method=post][data-busy]:not(:has([type=password]))";
const FIELD = ":is(input:not([type=hidden], [type=file]), select, textarea)[name]";

const stored = JSON.parse(sessionStorage.getItem(NAME) ?? "{}");
const signedIn = document.body.dataset.user;
const who = signedIn ?? stored.who;
const forms = stored.who === who ? (stored.forms ?? {}) : {};
const unsaved = new WeakSet();
const opened = new WeakSet();

function save(sent) {
  if (who) sessionStorage.setItem(NAME, JSON.stringify({ who, forms, sent }));
}

function address(form) {
  const { pathname, search } = new URL(form.getAttribute("action") ?? "", location.href);
  return pathname + search;
}

function forget(form) {
  delete forms[address(form)];
  unsaved.delete(form);
  form.querySelector("[data-restored]")?.remove();
  save();
}

function isAsServed(field) {
  if (field.options) return [...field.options].every((one) => one.selected === one.defaultSelected);
  return field.checked === field.defaultChecked && field.value === field.defaultValue;
}

function put(field, values) {
  if (field.options) {
    const wanted = (one) => values.includes(one.value);
    const options = [...field.options];
    if (!options.some(wanted) || options.every((one) => one.selected === wanted(one))) return false;
    for (const one of options) one.selected = wanted(one);
    return true;
  }
  const [property, value] = field.matches("[type=checkbox], [type=radio]")
    ? ["checked", values.includes(field.value)]
    : ["value", values[0] ?? ""];
  if (field[property] === value) return false;
  field[property] = value;
  return true;
}

// An answer that refused the form brings what was typed by itself: there is nothing to restore, but still something to lose.
function restore(form) {
  const typed = forms[address(form)];
  if (!typed || opened.has(form)) return;
  opened.add(form);
  const fields = [...form.elements].filter((field) => field.matches(FIELD) && typed[field.name]);
  if (!fields.map((field) => put(field, typed[field.name])).includes(true)) return unsaved.add(form);
  const line = document.getElementById("restored").content.cloneNode(true);
  document.dispatchEvent(new CustomEvent("crm:announce", { detail: line.querySelector("span").textContent }));
  (form.querySelector(".card-body") ?? form).prepend(line);
}

function restoreAll() {
  document.querySelectorAll(FORM).forEach(restore);
}

document.addEventListener("input", ({ target }) => {
  const form = target.form;
  if (!signedIn || !form?.matches(FORM) || !target.matches(FIELD)) return;
  opened.add(form);
  const typed = (forms[address(form)] ??= {});
  if (isAsServed(target)) delete typed[target.name];
  else typed[target.name] = new FormData(form).getAll(target.name);
  if (!Object.keys(typed).length) return forget(form);
  unsaved.add(form);
  save();
});
document.addEventListener("reset", (event) => event.target.matches(FORM) && forget(event.target));
window.addEventListener("beforeunload", (event) => {
  if ("leaving" in document.body.dataset) return;
  if ([...document.forms].some((form) => unsaved.has(form) && !form.dataset.sending)) event.preventDefault();
});

// A form sent in place is told of its success; one sent as a page is a success where the answer led on to another page.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { elt, xhr, requestConfig } = event.detail;
  const refused = xhr.status > 299 || new URL(xhr.responseURL).pathname === document.body.dataset.loginUrl;
  if (elt.matches(FORM) && !refused && !requestConfig.triggeringEvent?.submitter?.formNoValidate) forget(elt);
});
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-forget]")) sessionStorage.removeItem(NAME);
  else if (!event.defaultPrevented && forms[address(event.target)]) save(address(event.target));
});
if (stored.sent && signedIn && performance.getEntriesByType("navigation")[0].redirectCount) {
  const again = [...document.querySelectorAll(FORM)].some((form) => address(form) === stored.sent);
  if (!again) delete forms[stored.sent];
}
save();
window.addEventListener("pageshow", (event) => event.persisted && save());

document.addEventListener("htmx:afterSettle", restoreAll);
restoreAll();
