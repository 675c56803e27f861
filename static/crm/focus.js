// Where the focus goes after a swap. An error summary (autofocus) takes it by itself; else it goes to the first field in
// error; else to what the fragment marks with data-focus (the heading of a form that opened, of a page that changed). Where
// the swap took away what had the focus, the same link in its new shape gets it back, else the place of the swap.
// Several answers may be on their way at once, so each keeps its own.
const lost = new WeakMap();

document.addEventListener("htmx:beforeSwap", (event) => {
  const held = document.activeElement;
  if (held !== document.body && event.detail.target.contains(held)) lost.set(event.detail.xhr, held.textContent.trim());
});

document.addEventListener("htmx:afterSettle", (event) => {
  const place = event.detail.elt ?? event.target;
  if (place.querySelector("[autofocus]")) return;
  const wanted = place.querySelector("[aria-invalid=true]") ?? place.querySelector("[data-focus]");
  if (wanted) wanted.focus();
  else if (lost.has(event.detail.xhr) && document.activeElement === document.body) {
    const name = lost.get(event.detail.xhr);
    const again = [...place.querySelectorAll("a, button")].find((one) => one.textContent.trim() === name);
    if (!again) place.tabIndex = -1;
    (again ?? place).focus();
  }
});

// A link in an error summary goes to its field, also where the field stands for several (radio buttons).
document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".form-errors a[href^='#']");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  (field.matches("input, select, textarea") ? field : field.querySelector("input, select, textarea"))?.focus();
});
