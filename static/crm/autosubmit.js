// A filter form marked data-autosubmit sends itself when a choice changes or typing pauses. Only beside HTMX, which keeps
// the focus where it is; otherwise its button does the work.
const PAUSE = 350;
let pending;

function send(form, wait) {
  clearTimeout(pending);
  pending = setTimeout(() => form.isConnected && form.requestSubmit(), wait);
}

function autosubmitting(event) {
  return window.htmx && event.target.closest?.("form[data-autosubmit]");
}

document.addEventListener("change", (event) => {
  const form = autosubmitting(event);
  if (form && !event.target.matches("input[type=text], input[type=search]")) send(form, 0);
});
document.addEventListener("input", (event) => {
  const form = autosubmitting(event);
  if (form && event.target.matches("input[type=text], input[type=search], input[type=number]")) send(form, PAUSE);
});
