// Picking rows of a list (table[data-picks]): the box in its head picks the page, X the row in focus, Shift with an arrow the
// next one too; Shift and a click pick what lies between. The bar (form[data-bulk]) says how many are picked.
let last;

function boxes() {
  return [...document.querySelectorAll("[data-picks] [name=key]")];
}

function show() {
  const bar = document.querySelector("[data-bulk]");
  if (!bar) return;
  const every = boxes();
  const count = every.filter((box) => box.checked).length;
  const said = bar.querySelector("[data-picked]");
  const text = count ? `${said.dataset.say} ${count}` : "";
  if (said.textContent !== text) said.textContent = text;
  bar.querySelector("[data-pick-none]").hidden = !count;
  const head = document.querySelector("[data-pick-all]");
  head.hidden = false;
  head.checked = count === every.length;
  head.indeterminate = count > 0 && count < every.length;
}

function rowOf(element) {
  return element.closest?.("[data-picks] tbody tr:has([name=key])");
}

function boxOf(row) {
  return row?.querySelector("[name=key]");
}

document.addEventListener("click", (event) => {
  if (event.target.matches?.("[data-pick-none]")) {
    for (const box of boxes()) box.checked = false;
    document.querySelector("[data-pick-all]").focus();
    return show();
  }
  const box = event.target.closest?.("[data-picks] [name=key]");
  if (!box) return;
  const every = boxes();
  if (event.shiftKey && every.includes(last)) {
    const [from, to] = [every.indexOf(last), every.indexOf(box)].sort((one, other) => one - other);
    for (const between of every.slice(from, to + 1)) between.checked = box.checked;
  }
  last = box;
  show();
});

document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-pick-all]")) for (const box of boxes()) box.checked = event.target.checked;
  if (event.target.closest?.("[data-picks]")) show();
});

document.addEventListener("keydown", (event) => {
  const row = rowOf(event.target);
  if (!row || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const down = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.shiftKey && down) {
    const every = boxes();
    const next = every[every.indexOf(boxOf(row)) + down];
    event.preventDefault();
    boxOf(row).checked = true;
    if (next) {
      next.checked = true;
      next.focus();
    }
    return show();
  }
  if (event.shiftKey || event.key.toLowerCase() !== "x" || document.body.dataset.shortcuts === "off") return;
  event.preventDefault();
  boxOf(row).checked = !boxOf(row).checked;
  last = boxOf(row);
  show();
});

document.addEventListener("htmx:afterSettle", show);
window.addEventListener("pageshow", show);
show();
