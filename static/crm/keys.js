// Single letters and pairs of letters: whatever is marked data-key="n" or data-key="g b" is pressed by them; a field gets
// the focus. Not while something is typed, nor where <body data-shortcuts="off"> says so. Where a dialog or menu is open,
// only what stands in it counts. Who handles a key alone, as the board does, prevents its default and is left in peace.
const PAIR = 1000;
const FIELD = "input, select, textarea, [contenteditable]:not([contenteditable=false])";
let first = "";
let until = 0;

// Also what waits in a closed menu: a narrow window hides the navigation in one.
function usable(element) {
  const there = element.checkVisibility({ visibilityProperty: true }) || element.closest("[popover]");
  return there && !element.closest("[inert]") && !element.matches(":disabled, [aria-disabled=true]");
}

function press(element) {
  const field = element.matches(FIELD);
  if (field || element.matches("summary")) element.focus();
  if (field) element.select?.();
  else element.click();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || event.isComposing) return;
  if (event.ctrlKey || event.altKey || event.metaKey || event.key.length > 1) return;
  if (document.body.dataset.shortcuts === "off" || event.target.closest(FIELD)) return;
  const key = event.key.toLowerCase();
  if (event.shiftKey && key !== event.key.toUpperCase()) return; // a letter with Shift is another one; "?" is not
  const keys = event.timeStamp < until ? `${first} ${key}` : key;
  const room = [...document.querySelectorAll("dialog[open], :popover-open")].at(-1) ?? document;
  const marked = [...room.querySelectorAll("[data-key]")].filter(usable);
  const found = marked.find((one) => one.dataset.key === keys);
  const leads = keys === key && marked.some((one) => one.dataset.key.startsWith(`${key} `));
  [first, until] = leads && !found ? [key, event.timeStamp + PAIR] : ["", 0];
  if (!found) return;
  event.preventDefault();
  press(found);
});
