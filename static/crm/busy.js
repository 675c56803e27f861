// A form is sent once: until its answer is there, a second submit does nothing. The button keeps the focus (it is marked
// aria-disabled, not disabled) and its name and value are still sent.
function release(form) {
  delete form.dataset.sending;
  for (const button of form.querySelectorAll("[aria-disabled=true][data-sent]")) {
    button.removeAttribute("aria-disabled");
    delete button.dataset.sent;
  }
}

// The second half of a double click is none of its own: the answer to the first may have put another button in its place.
document.addEventListener(
  "click",
  (event) => {
    if (event.detail > 1 && event.target.closest?.("form[data-busy] button")) event.preventDefault();
  },
  true,
);

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (form.method !== "post" || form.matches("[data-theme-switch]")) return;
    if (form.dataset.sending) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.sending = "true";
    if (event.submitter) {
      event.submitter.setAttribute("aria-disabled", "true");
      event.submitter.dataset.sent = "true";
    }
  },
  true,
);

// What waits for an answer says so to screen readers; the line under the top bar shows it.
document.addEventListener("htmx:beforeSend", (event) => event.detail.target.setAttribute("aria-busy", "true"));
document.addEventListener("htmx:afterRequest", (event) => {
  event.detail.target.removeAttribute("aria-busy");
  const form = event.target.closest?.("form");
  if (form) release(form);
});
// Back from the browser's page cache, the form must work again.
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sending]").forEach(release));
