// Searching while typing: a field with data-finds asks its form, from the second character on, for the choices of the field of
// that name, as the button "Find" does without scripts. What was chosen meanwhile stays chosen.
const PAUSE = 300;
let waiting;

async function find(field) {
  const form = field.form;
  const name = field.dataset.finds;
  const target = form?.elements[name];
  if (!target || field.value.trim().length === 1) return;
  await htmx.ajax("POST", form.getAttribute("hx-post") || form.action, {
    source: field,
    target,
    values: { find: "1" },
    select: `[name=${name}]`,
    swap: "outerHTML",
  });
  const found = form.elements[name];
  if (!found?.options || found === target) return;
  const chosen = target.selectedOptions[0];
  if (chosen?.value) {
    if (![...found.options].some((option) => option.value === chosen.value)) found.append(chosen);
    found.value = chosen.value;
  }
  const count = [...found.options].filter((option) => option.value).length;
  document.dispatchEvent(new CustomEvent("crm:announce", { detail: `${field.dataset.sayFound} ${count}` }));
}

document.addEventListener("input", (event) => {
  if (!event.target.matches?.("[data-finds]")) return;
  clearTimeout(waiting);
  waiting = setTimeout(find, PAUSE, event.target);
});
