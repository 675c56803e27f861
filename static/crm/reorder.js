// Rows below a form that have a number each (input[data-order], whose words name the handle): dragged, or moved by the arrow keys on
// their handle. The numbers that stand there are dealt out anew in the new order, so gaps stay; without scripts one types them.
const ROW = ":is(tr.form-row, .inline-related)";
const rowsOf = (body) => [...body.querySelectorAll(`:scope > ${ROW}:not(.empty-form)`)];
const numberOf = (row) => row.querySelector("input[data-order]");
const nameOf = (row) => row.querySelector('input[name$="-description"]')?.value ?? "";

const outside = (body) => body.closest("table") ?? body;

function deal(body, moved) {
  const rows = rowsOf(body);
  const known = rows.map((row) => Number(numberOf(row).value) || 0);
  const own = numberOf(moved);
  if (!own.value) own.value = Math.max(...known) + 1;
  const counted = rows.filter((row) => numberOf(row).value);
  let last = 0;
  for (const [at, number] of counted.map((row) => Number(numberOf(row).value)).sort((one, other) => one - other).entries()) {
    last = Math.max(number, last + 1);
    numberOf(counted[at]).value = last;
  }
  const place = `${nameOf(moved)}: ${counted.indexOf(moved) + 1} / ${counted.length}`;
  outside(body).parentElement.querySelector(".reorder-said").textContent = place;
}

function step(event) {
  const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!way) return;
  event.preventDefault();
  const row = event.target.closest(ROW);
  const rows = rowsOf(row.parentElement);
  const other = rows[rows.indexOf(row) + way];
  if (!other) return;
  way < 0 ? other.before(row) : other.after(row);
  event.target.focus();
  deal(row.parentElement, row);
}

function addHandle(row) {
  const number = numberOf(row);
  if (!number || row.querySelector(".reorder-handle")) return;
  const handle = document.createElement("button");
  handle.type = "button";
  handle.className = "reorder-handle";
  handle.textContent = "↕";
  handle.title = number.dataset.order;
  handle.setAttribute("aria-label", [number.dataset.order, nameOf(row)].filter(Boolean).join(": "));
  handle.addEventListener("keydown", step);
  number.before(handle);
}

function begin(body) {
  const said = document.createElement("p");
  said.className = "reorder-said visually-hidden";
  said.setAttribute("role", "status");
  outside(body).after(said);
  rowsOf(body).forEach(addHandle);
  window.Sortable.create(body, {
    handle: ".reorder-handle",
    draggable: `${ROW}:not(.empty-form)`,
    forceFallback: true, // browsers drag nothing that begins on a button
    animation: 120,
    onEnd: ({ item }) => deal(body, item),
  });
}

function start() {
  const numbers = document.querySelectorAll(`${ROW} input[data-order]`);
  for (const body of new Set([...numbers].map((input) => input.closest(ROW).parentElement))) begin(body);
}

document.addEventListener("formset:added", (event) => addHandle(event.target));
if (document.readyState === "complete") start();
else window.addEventListener("load", start);
