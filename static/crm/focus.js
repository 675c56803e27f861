// After an answer with errors the focus goes to the first of them; a link in an error summary goes to its field, also where
// the field stands for several (radio buttons). A summary (autofocus) takes the focus itself.
document.addEventListener("htmx:afterSettle", (event) => {
  const place = event.detail.elt ?? event.target;
  if (place.querySelector("[autofocus]")) return;
  place.querySelector("[aria-invalid=true]")?.focus();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".form-errors a[href^='#']");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  (field.matches("input, select, textarea") ? field : field.querySelector("input, select, textarea"))?.focus();
});
