// The board: dragging, the menu “move to”, keys, the side panel, quick add. Which moves are open is said by the server in the
// page (template[data-ways]); every change is the same POST as a form's, and its answer decides where a card stands.
const page = () => document.getElementById("board");
const card = (pk) => document.getElementById(`card-${pk}`);
const column = (key) => document.getElementById(`column-${key}`);
const titleOf = (one) => one.querySelector(".deal-title");
const say = (text) => document.dispatchEvent(new CustomEvent("crm:announce", { detail: text }));
const nameOf = (key) => (column(key)?.querySelector("h2") ?? document.querySelector(`[data-drop="${key}"]`))?.textContent.trim() ?? "";
let own = []; // entries that this page made, so that they are not taken for other people's
let dragging = false;

// ---- Where cards stand ----
function before(one, other) {
  const [mine, theirs] = [one, other].map((card) => card.dataset.rank.split(" ").map(Number));
  const at = mine.findIndex((number, index) => number !== theirs[index]);
  return at >= 0 && mine[at] < theirs[at];
}

function place(one) {
  const list = column(one.dataset.at)?.querySelector("[data-cards]");
  if (!list || list.closest(".column-collapsed")) return one.remove();
  list.insertBefore(one, [...list.querySelectorAll(".deal")].find((other) => other !== one && before(one, other)) ?? null);
}

function recount() {
  for (const list of document.querySelectorAll("[data-cards]")) {
    const cards = list.querySelectorAll(".deal").length;
    const text = list.parentElement.querySelector("[data-loaded-text]");
    const all = list.parentElement.querySelector(".column-count strong").textContent;
    list.querySelector(".cards-none")?.toggleAttribute("hidden", cards > 0);
    if (text && /\d/.test(text.textContent)) text.textContent = text.textContent.replace(/\d+/, cards).replace(/[\d.,\s\u00a0\u202f]+(?=\D*$)/, ` ${all}`);
  }
}

// What an answer brought stands in a hidden list: cards take their places, what is gone leaves.
function settleArrivals() {
  const arrivals = document.getElementById("arrivals");
  if (!arrivals?.children.length) return;
  for (const item of [...arrivals.children]) {
    if (item.dataset.own) own.push(item.dataset.own);
    const pk = item.dataset.pk ?? item.dataset.gone;
    const old = pk && [...document.querySelectorAll(`#card-${pk}`)].find((one) => one !== item);
    const held = old?.contains(document.activeElement) || waiting === pk;
    const edited = old?.querySelector(".edit-place[data-column]:not(:empty)")?.dataset.column;
    const next = old && held && (neighbour(old, "ArrowDown") ?? neighbour(old, "ArrowUp"));
    old?.remove();
    if (!item.matches(".deal")) {
      item.remove();
      if (next && !document.querySelector("dialog[open]")) titleOf(next).focus();
      continue;
    }
    place(item);
    window.htmx.process(item);
    if (!item.isConnected) continue;
    const ask = item.querySelector("[data-ask] input:not([type=hidden]), [data-ask] select");
    const link = item.querySelector(`.deal-edit[data-column="${edited}"]`);
    if (ask) ask.focus();
    else if (link) link.focus();
    else if (held && !document.querySelector("dialog[open]")) titleOf(item).focus();
  }
  waiting = undefined;
  recount();
}
new MutationObserver(settleArrivals).observe(document.getElementById("arrivals"), { childList: true });

// ---- Moving: one request of a card after the other, each with the version that the one before it made ----
const queues = new Map();
let waiting;

// The way as it stands for this card: of the conditions only those that the card does not meet.
function wayTo(one, key) {
  const menu = document.querySelector(`template[data-ways="${one.dataset.at}"]`);
  const way = menu?.content.querySelector(`[data-to="${key}"]`)?.cloneNode(true);
  return way && judged(way, one);
}

function judged(way, one) {
  const lacks = (one.dataset.lacks ?? "").split(" ");
  for (const gap of way.querySelectorAll("[data-gap]")) {
    const { gap: what, least } = gap.dataset;
    const met = least ? one.dataset.value && whole(one.dataset.value, 2) >= whole(least, 2) : FACTS.includes(what) && !lacks.includes(what);
    if (met) gap.remove();
    else if ("shut" in gap.dataset) way.setAttribute("aria-disabled", "true");
  }
  if (way.querySelector("[data-gap]")) way.querySelector(".reason:not([data-gap], [data-asks])").remove();
  if (!way.querySelector("[data-ask-for]")) way.querySelector("[data-asks]")?.remove();
  return way;
}
const FACTS = ["source", "competitor", "contact", "chances", "quote", "document"];
const texts = (way, which) => [...way.querySelectorAll(which)].map((each) => each.textContent.trim());
const whyOf = (way) => [...texts(way, ".reason:not([data-ask-for])"), texts(way, "[data-ask-for]").join(", ")].join(" ").trim();

function move(pk, key) {
  const next = (queues.get(pk) ?? Promise.resolve()).then(() => send(pk, key));
  queues.set(pk, next.catch(() => {}));
}

async function send(pk, key) {
  const one = card(pk);
  if (!one || one.dataset.at === key) return;
  const closed = one.closest(".column-closed");
  if (closed && key !== "archive") {
    place(one);
    return hint(page().dataset.sayClosed);
  }
  if (key === "won" || key === "lost") return openForm(`/opportunities/${pk}/close/?outcome=${key}`, pk);
  const way = wayTo(one, key);
  const why = way?.getAttribute("aria-disabled") && whyOf(way);
  if (why) {
    place(one);
    return hint(why);
  }
  one.classList.add("deal-saving");
  one.setAttribute("aria-busy", "true");
  say(`${page().dataset.sayMoving} ${nameOf(key)}`);
  const verb = key === "archive" ? key : one.dataset.at === "not_started" ? "start" : "move";
  const values = { to: key, version: one.dataset.version, board: page().dataset.board };
  waiting = pk;
  try {
    await window.htmx.ajax("POST", `/opportunities/${pk}/${verb}/`, { source: one, target: one, swap: "none", values });
  } finally {
    if (card(pk) === one && one.isConnected) stay(one);
  }
}

// No answer, or one without a card: it stands where it stood.
function stay(one) {
  one.classList.remove("deal-saving");
  one.removeAttribute("aria-busy");
  place(one);
  if (document.activeElement === document.body) titleOf(one).focus();
  waiting = undefined;
  say(page().dataset.sayBack);
}

function hint(text) {
  const line = document.getElementById("board-hint");
  line.textContent = text;
  line.hidden = false;
  say(text);
  clearTimeout(hint.timer);
  hint.timer = setTimeout(() => (line.hidden = true), 6000);
}

// ---- Forms in a dialog ----
let formOf;
async function openForm(url, pk) {
  const dialog = document.getElementById("board-dialog");
  const place = dialog.querySelector(".verb-place");
  formOf = pk;
  const address = `${url}${url.includes("?") ? "&" : "?"}board=${encodeURIComponent(page().dataset.board)}`;
  await window.htmx.ajax("GET", address, { target: place, swap: "innerHTML" });
  if (place.children.length && !dialog.open) dialog.showModal();
  place.querySelector("input:not([type=hidden]), select")?.focus();
}

function closeForm() {
  const dialog = document.getElementById("board-dialog");
  dialog.querySelector("form")?.reset(); // nothing typed is kept for the next time
  dialog.querySelector(".verb-place").replaceChildren();
  if (dialog.open) dialog.close();
}

document.addEventListener("htmx:afterRequest", (event) => {
  const { requestConfig, xhr, successful } = event.detail;
  if (requestConfig.verb !== "post" || !document.getElementById("board-dialog").contains(event.target)) return;
  if (successful || xhr.status === 404) closeForm();
});
document.addEventListener(
  "close",
  (event) => {
    if (event.target.id === "board-dialog") (card(formOf) && titleOf(card(formOf)))?.focus();
    if (event.target.id === "panel") leavePanel();
  },
  true,
);

// ---- The side panel: the deal's own address while it is open ----
let opened;
async function openPanel(link) {
  const one = link.closest(".deal");
  opened = { pk: one.dataset.pk, board: location.href };
  document.querySelector("[data-panel-full]").href = link.href;
  await window.htmx.ajax("GET", link.pathname, { target: "#panel-content", swap: "innerHTML" });
  const panel = document.getElementById("panel");
  if (!document.getElementById("state")) return (opened = undefined);
  history.pushState({}, "", link.href);
  panel.showModal();
}

async function leavePanel() {
  if (!opened) return;
  const { pk, board } = opened;
  opened = undefined;
  document.getElementById("panel-content").replaceChildren();
  if (location.href !== board) history.pushState({}, "", board);
  waiting = pk;
  await window.htmx.ajax("GET", `/opportunities/${pk}/card/?board=${encodeURIComponent(page().dataset.board)}`, { target: "#arrivals", swap: "none" });
  (card(pk) ? titleOf(card(pk)) : column("not_started")?.querySelector("a"))?.focus();
}
window.addEventListener("popstate", () => {
  const panel = document.getElementById("panel");
  if (!page()) return;
  if (panel.open && opened && location.href === opened.board) return panel.close();
  location.reload();
});

// ---- Menu ----
function openMenu(one) {
  const source = document.querySelector(`template[data-ways="${one.dataset.at}"]`);
  if (!source) return;
  const menu = document.getElementById("ways");
  menu.replaceChildren(source.content.cloneNode(true));
  for (const way of menu.querySelectorAll("[data-to]")) judged(way, one);
  menu.dataset.pk = one.dataset.pk;
  const at = one.getBoundingClientRect();
  menu.showPopover();
  menu.style.setProperty("top", `${Math.max(8, Math.min(at.bottom, innerHeight - menu.offsetHeight - 8))}px`);
  menu.style.setProperty("left", `${Math.max(8, Math.min(at.left, innerWidth - menu.offsetWidth - 8))}px`);
  (menu.querySelector("button:not([aria-disabled])") ?? menu.querySelector("button"))?.focus();
}

function choose(button) {
  const menu = document.getElementById("ways");
  if (button.getAttribute("aria-disabled")) return hint(whyOf(button));
  const { pk } = menu.dataset;
  menu.hidePopover();
  titleOf(card(pk)).focus();
  move(pk, button.dataset.to);
}

document.addEventListener("click", (event) => {
  const stage = event.target.closest?.(".stage-switch a");
  if (stage) {
    event.preventDefault();
    document.querySelector(stage.hash).scrollIntoView({ inline: "start", block: "nearest" });
    return;
  }
  if (event.ctrlKey || event.metaKey || event.shiftKey || !window.htmx || !page()) return;
  const link = event.target.closest?.("[data-open], [data-move], [data-archive], [data-quick-open], [data-refresh], [data-more], [data-quick-cancel], [data-ask-cancel], [data-cancel], [data-panel-close], #ways [data-to]");
  if (!link) return;
  if (link.matches("#ways [data-to]")) return choose(link);
  if (link.matches("[data-panel-close]")) return document.getElementById("panel").close();
  if (link.matches("[data-cancel]") && !link.closest("#board-dialog")) return;
  event.preventDefault();
  const one = link.closest(".deal");
  if (link.matches("[data-open]")) openPanel(link);
  else if (link.matches("[data-move]")) openMenu(one);
  else if (link.matches("[data-archive]")) move(one.dataset.pk, "archive");
  else if (link.matches("[data-cancel]")) closeForm();
  else if (link.matches("[data-ask-cancel]")) {
    link.form.reset();
    link.closest(".deal-ask").remove();
    titleOf(one).focus();
  } else if (link.matches("[data-quick-cancel]")) closeQuick(link.closest(".quick-place"));
  else if (link.matches("[data-quick-open]")) {
    const place = link.parentElement.querySelector(".quick-place");
    window.htmx.ajax("GET", link.href, { target: place, swap: "innerHTML" }).then(() => place.querySelector("input:not([type=hidden])")?.focus());
  } else if (link.matches("[data-refresh]")) refresh();
  else if (link.matches("[data-more]")) refresh(link.href, link.dataset.more);
});

function closeQuick(place) {
  place.querySelector("form")?.reset();
  place.replaceChildren();
  place.parentElement.querySelector("[data-quick-open]").focus();
}

// ---- The board again: what stands in the address, as the server has it now ----
async function refresh(address = location.href, key = undefined) {
  const focused = document.activeElement.closest?.(".deal")?.dataset.pk;
  const scrolled = [...document.querySelectorAll("[data-cards]")].map((list) => [list.closest(".column").id, list.scrollTop]);
  const wide = document.querySelector(".board")?.scrollLeft ?? 0;
  const shown = key && column(key)?.querySelectorAll(".deal").length;
  await window.htmx.ajax("GET", address, { target: "#board", swap: "outerHTML" });
  const url = new URL(address, location.href);
  if (url.search !== location.search) history.replaceState({}, "", url.pathname + url.search);
  own = [];
  ready();
  for (const [id, top] of scrolled) document.getElementById(id)?.querySelector("[data-cards]").scrollTo(0, top);
  document.querySelector(".board")?.scrollTo(wide, 0);
  const next = key ? column(key)?.querySelectorAll(".deal-title")[shown] : card(focused) && titleOf(card(focused));
  (next ?? document.querySelector(".deal-title"))?.focus();
}

async function poll() {
  const board = page();
  if (!board || document.hidden || dragging || document.querySelector("dialog[open]")) return;
  const asked = new URLSearchParams({ since: board.dataset.newest, own: own.join(","), board: board.dataset.board });
  await window.htmx.ajax("GET", `${board.dataset.changes}?${asked}`, { target: "#changes", source: "#changes", swap: "innerHTML" });
}
setInterval(poll, 20000);

// ---- Keys, on a card ----
function neighbour(one, key) {
  const cards = [...one.parentElement.querySelectorAll(".deal")];
  const at = cards.indexOf(one);
  if (key === "ArrowDown" || key === "ArrowUp") return cards[at + (key === "ArrowDown" ? 1 : -1)];
  const columns = [...document.querySelectorAll(".column")].filter((each) => each.querySelector(".deal"));
  const beside = columns[columns.indexOf(one.closest(".column")) + (key === "ArrowRight" ? 1 : -1)];
  const there = [...(beside?.querySelectorAll(".deal") ?? [])];
  return there[Math.min(at, there.length - 1)];
}

function step(one, by) {
  const keys = [...document.querySelectorAll(".column:not(.column-closed)")].map((each) => each.dataset.column);
  const key = keys[keys.indexOf(one.dataset.at) + by];
  if (key && key !== "not_started") move(one.dataset.pk, key);
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || !page()) return;
  const quick = event.key === "Escape" && event.target.closest?.("[data-quick]");
  if (quick) return closeQuick(quick.closest(".quick-place"));
  const ask = event.key === "Escape" && event.target.closest?.("[data-ask]");
  if (ask) return ask.querySelector("[data-ask-cancel]").click();
  const letters = document.body.dataset.shortcuts !== "off";
  const menu = event.target.closest?.("#ways");
  if (menu) {
    const buttons = [...menu.querySelectorAll("button")];
    const at = buttons.indexOf(event.target);
    const down = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const chosen = letters && buttons.find((button) => button.querySelector("kbd").textContent.toLowerCase() === event.key.toLowerCase());
    if (!down && !chosen) return;
    event.preventDefault();
    if (chosen) choose(chosen);
    else buttons[(at + down + buttons.length) % buttons.length].focus();
    return;
  }
  const one = event.target.matches?.(".deal-title, .deal-move, .deal-edit") && event.target.closest(".deal");
  if (!one) return;
  if (event.key === "Home") {
    event.preventDefault();
    document.querySelector(".board").scrollTo({ left: 0 });
    return titleOf(document.querySelector(".deal")).focus();
  }
  const may = "mayChange" in page().dataset && one.querySelector("[data-move]");
  if (event.key.startsWith("Arrow")) {
    event.preventDefault();
    if (event.shiftKey && may && /Left|Right/.test(event.key)) step(one, event.key === "ArrowRight" ? 1 : -1);
    else if (!event.shiftKey) {
      const next = neighbour(one, event.key);
      if (next) titleOf(next).focus();
    }
    return;
  }
  if (!letters || event.shiftKey) return;
  const key = event.key.toLowerCase();
  const add = key === "n" && one.closest(".column").querySelector("[data-quick-open]");
  if (add) {
    event.preventDefault();
    return add.click();
  }
  const tasks = key === "t" && page().dataset.tasks;
  if (tasks && "mayChange" in page().dataset && !("fixed" in one.dataset)) {
    event.preventDefault();
    location.href = `${tasks}?opportunity=${one.dataset.pk}`;
    return;
  }
  if (!may) return;
  if (!["m", "w", "l"].includes(key)) return;
  event.preventDefault();
  if (key === "m") openMenu(one);
  else openForm(`/opportunities/${one.dataset.pk}/close/?outcome=${key === "w" ? "won" : "lost"}`, one.dataset.pk);
}
// Before the page's own keys: on a card a letter means the card.
document.addEventListener("keydown", onKey, true);

// ---- What a move does to the weighted total. Whole numbers only, so that it is what the answer will say: amounts in cents,
// percentages in thousandths; halves are rounded up, as when the server stores them. ----
const whole = (text, places) => {
  const [before, after = ""] = text.split(".");
  return BigInt(before + after.padEnd(places, "0"));
};

function weighted(one, there) {
  const [stage, none, every] = there.dataset.odds.split(" ");
  const keeps = "chances" in one.dataset && ("keepsChances" in page().dataset || one.dataset.at === "not_started");
  let odds = whole(stage, 2);
  if (keeps) {
    const line = whole(none, 3) * 10000n + (whole(every, 3) - whole(none, 3)) * whole(one.dataset.chances, 2);
    odds = (line + 50000n) / 100000n;
  }
  return (whole(one.dataset.value, 2) * odds + 5000n) / 10000n;
}

// As the server writes an amount: the page says how it writes 1234567.12.
function money(cents) {
  const [, before, group, point, places, after] = page().dataset.money.match(/^(\D*)1(\D*)234\D*567(?:(\D+)(12\d*))?(\D*)$/);
  const digits = (point ? cents : ((cents + 50n) / 100n) * 100n).toString().padStart(3, "0");
  const units = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, group);
  return `${before}${units}${point ? point + digits.slice(-2).padEnd(places.length, "0") : ""}${after}`;
}

function effect(one, there) {
  if (!there.dataset.odds || !one.dataset.value || one.dataset.value === "0.00") return "";
  const change = weighted(one, there) - whole(one.dataset.weighted, 2);
  if (!change) return page().dataset.saySame;
  const amount = `${change > 0n ? "+" : "−"}\u2060${money(change > 0n ? change : -change)}`;
  return page().dataset.sayWeighted.replace("…", amount);
}

// ---- Dragging ----
function dim(one) {
  const closed = one.closest(".column-closed");
  for (const each of document.querySelectorAll(".column")) {
    const key = each.dataset.column;
    const way = wayTo(one, key);
    const here = key === one.dataset.at;
    const shut = !here && (closed || (!each.matches(".column-closed") && (!way || way.getAttribute("aria-disabled"))));
    each.classList.toggle("column-shut", Boolean(shut));
    if (shut) each.dataset.why = closed ? page().dataset.sayClosed : (way ? whyOf(way) : "");
    else if (!here && way?.querySelector("[data-gap]")) each.dataset.effect = whyOf(way);
    else if (!here && effect(one, each)) each.dataset.effect = effect(one, each);
  }
  for (const end of document.querySelectorAll("[data-drop]")) end.hidden = (end.dataset.drop === "archive") !== Boolean(closed);
  if (one.dataset.at === "not_started") document.querySelector("[data-drop=archive]").hidden = false;
}

function undim() {
  for (const each of document.querySelectorAll(".column")) {
    each.classList.remove("column-shut");
    delete each.dataset.effect;
  }
}

function ready() {
  const board = page();
  board?.querySelector("[data-go-button]")?.setAttribute("hidden", "");
  if (!board || !("mayChange" in board.dataset) || !window.Sortable) return;
  const ends = document.getElementById("drop-ends");
  const lists = [...board.querySelectorAll("[data-cards]"), ...ends.querySelectorAll("[data-drop]")];
  for (const list of lists) {
    window.Sortable.get(list)?.destroy();
    window.Sortable.create(list, {
      group: "cards",
      draggable: ".deal",
      filter: ".edit-place, [data-fixed]",
      preventOnFilter: false,
      sort: false,
      delay: 250,
      delayOnTouchOnly: true,
      animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
      ghostClass: "deal-ghost",
      onStart({ item }) {
        dragging = true;
        dim(item);
        ends.hidden = false;
        say(`${board.dataset.sayPicked} ${titleOf(item).textContent}`);
      },
      onMove({ to }) {
        const shut = to.closest(".column-shut");
        if (!shut) return true;
        hint(shut.dataset.why);
        return true;
      },
      onEnd({ item, to, from }) {
        dragging = false;
        ends.hidden = true;
        undim();
        const key = to.dataset.drop ?? to.closest(".column")?.dataset.column;
        if (to === from || !key) return place(item);
        if (["won", "lost", "archive"].includes(key) || wayTo(item, key)?.getAttribute("aria-disabled")) place(item);
        move(item.dataset.pk, key);
      },
    });
  }
}

document.addEventListener("change", (event) => event.target.matches?.("[data-go]") && event.target.form.requestSubmit());
ready();
