// Messages in the page's live region: can be closed, leave by themselves when all is well, and are read out on page load.
// An undo is offered for the last step only, and works in place where the page has a place for it.
// Read out too, but not shown: anything marked data-announce in a swapped fragment (such as a result count), and the text of
// every event crm:announce.
const STAY = 10000;
const GATHER = 100;

function carry(form, name, value) {
  form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
}

// The row of the list that an undo puts back; none where it stands on another page.
function rowOf(list, undo) {
  const path = undo && new URL(undo.action).pathname;
  return [...list.querySelectorAll("tbody tr[id]")].find((row) => path === `${list.dataset.cells}${row.id.slice(4)}/undo/`);
}

function settle(message) {
  const close = message.querySelector("[data-message-close]");
  close.hidden = false;
  close.addEventListener("click", () => message.remove());
  const undo = message.querySelector("form[data-undo]");
  const board = document.querySelector("[data-board]:not(:has(~ dialog[open]))");
  const list = document.querySelector("[data-cells]");
  if (undo && board) carry(undo, "board", board.dataset.board);
  else if (undo && list) carry(undo, "list", list.dataset.list);
  const there = board || (list ? rowOf(list, undo) : document.getElementById("verb"));
  if (undo && window.htmx && there) {
    undo.setAttribute("hx-post", undo.action);
    undo.setAttribute(...(board || list ? ["hx-swap", "none"] : ["hx-target", "#verb"]));
    window.htmx.process(undo);
  }
  if (message.matches(".message-error, .message-warning")) return;
  const wait = () => setTimeout(() => (message.matches(":hover, :focus-within") ? wait() : message.remove()), STAY);
  wait();
}

const region = document.getElementById("messages");
// A live region speaks of what changes: what stood there from the start has to come again.
const present = [...region.children];
present.forEach((message) => message.remove());
new MutationObserver((records) => {
  const news = records.flatMap((record) => [...record.addedNodes]).filter((node) => node.matches?.("[data-message]"));
  if (!news.length) return;
  for (const message of region.querySelectorAll(":scope > :has([data-undo])")) if (!news.includes(message)) message.remove();
  news.forEach(settle);
}).observe(region, { childList: true });
setTimeout(() => region.append(...present), 100);

document.addEventListener("htmx:afterSwap", (event) => {
  const news = event.target.parentElement?.querySelector("[data-announce]");
  if (news) announce(news.textContent);
});

// What comes at almost the same time is read as one; none displaces another, and the same words again are new words.
let said = [];
function announce(text) {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  if (said.push(text) > 1) return;
  setTimeout(() => {
    announcer.textContent = said.join(" ");
    said = [];
  }, GATHER);
}
document.addEventListener("crm:announce", (event) => announce(event.detail));
