// The calendar: drawn in place of the table, of the same tasks. What is dragged or pulled is the same POST as the form's; what
// is refused goes back to where it was, and the answer says why.
const place = document.getElementById("calendar");
const say = (text) => document.dispatchEvent(new CustomEvent("crm:announce", { detail: text }));
const VIEWS = { month: "dayGridMonth", week: "timeGridWeek", day: "timeGridDay" };
const TONES = { red: "--crm-red", green: "--crm-green", blue: "--crm-blue" };

const two = (number) => String(number).padStart(2, "0");
const dayOf = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
const clockOf = (date) => `${two(date.getHours())}:${two(date.getMinutes())}`;

function drawn(event) {
  const colour = TONES[event.tone];
  return { ...event, color: `var(${colour}-lt)`, contrastColor: `var(${colour})` };
}

async function read(info, done, failed) {
  const last = new Date(info.end);
  last.setDate(last.getDate() - 1);
  const query = new URLSearchParams({ first: dayOf(info.start), last: dayOf(last) });
  try {
    const answer = await fetch(`${place.dataset.events}&${query}`, { headers: { "X-Requested-With": "fetch" } });
    if (answer.redirected) return location.reload(); // the session has ended
    if (!answer.ok) throw new Error(answer.status);
    const { events, more } = await answer.json();
    document.getElementById("calendar-more").hidden = !more;
    done(events.map(drawn));
  } catch (error) {
    say(place.dataset.reading);
    failed(error);
  }
}

// What the form of the date would send. What takes all day is one day, if nothing says how long.
function sent({ allDay, start, end, extendedProps: { version, isMeeting } }) {
  const values = { version, due_on: dayOf(start), calendar: place.dataset.query };
  if (!isMeeting) return values;
  const minutes = end && (Date.UTC(...parts(end)) - Date.UTC(...parts(start))) / 60000;
  if (allDay) return { ...values, all_day: "on", ...(minutes > 1440 && { duration: minutes }) };
  return { ...values, starts_at: clockOf(start), duration: minutes ?? 60 };
}
// As on the wall: an hour that a change of clocks takes or gives is none of a meeting's.
const parts = (date) => [date.getFullYear(), date.getMonth(), date.getDate(), date.getHours(), date.getMinutes()];

async function reschedule(info) {
  const { event } = info;
  if (!event.allDay && !event.extendedProps.isMeeting) {
    info.revert();
    return say(`${place.dataset.noTime} ${place.dataset.putBack}`);
  }
  const source = place.appendChild(document.createElement("span"));
  let changed = false;
  source.addEventListener("htmx:afterRequest", ({ detail }) => (changed = detail.xhr.status === 200));
  await window.htmx.ajax("POST", event.extendedProps.reschedule, { source, target: source, swap: "none", values: sent(event) });
  source.remove();
  if (!changed) {
    info.revert();
    say(place.dataset.putBack);
  }
  info.view.calendar.refetchEvents(); // with the version of now
}

function follow(info) {
  const by = Object.keys(VIEWS).find((word) => VIEWS[word] === info.view.type);
  const day = dayOf(info.view.calendar.getDate());
  const form = document.getElementById("calendar-of");
  form.elements.by.value = by;
  form.elements.day.value = day;
  document.getElementById("calendar-title").textContent = info.view.title;
  for (const link of document.querySelectorAll("[data-calendar-by]")) {
    link.toggleAttribute("aria-current", link.dataset.calendarBy === by);
    if (link.hasAttribute("aria-current")) link.setAttribute("aria-current", "true");
  }
  history.replaceState(history.state, "", `?${place.dataset.query}&by=${by}&day=${day}`);
}

// Headings of days hide their text behind a label, and that of the hours has none: both are to be read.
function nameHeadings() {
  for (const heading of place.querySelectorAll("[role=columnheader], [role=rowheader]")) {
    for (const hidden of heading.querySelectorAll("[aria-hidden=true]")) hidden.removeAttribute("aria-hidden");
    if (heading.textContent.trim() || !heading.ariaLabel) continue;
    const name = heading.appendChild(document.createElement("span"));
    name.className = "visually-hidden";
    name.textContent = heading.ariaLabel;
  }
}

function draw() {
  const data = place.dataset;
  const { lang } = document.documentElement;
  const calendar = new window.FullCalendar.Calendar(place, {
    locale: lang === "en" ? "en-gb" : lang, // the day first, as everywhere here
    firstDay: 1,
    headerToolbar: false,
    initialView: VIEWS[data.by],
    initialDate: data.day,
    now: data.today,
    height: "auto", // nothing scrolls but the page: a part that does could not be reached by keyboard
    views: { week: { titleFormat: { year: "numeric", month: "long", day: "numeric" } } },
    dayMaxEvents: 5,
    allDayText: data.allDay,
    timedText: data.timed,
    moreLinkText: data.more,
    moreLinkHint: (count) => `${count} ${data.more}`,
    closeHint: data.close,
    eventsHint: data.tasks,
    slotDuration: "01:00:00",
    snapDuration: "00:15:00",
    eventTimeFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
    slotHeaderFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
    longPressDelay: 400,
    events: read,
    eventDrop: reschedule,
    eventResize: reschedule,
    datesSet: follow,
    eventsSet: () => setTimeout(nameHeadings),
  });
  document.querySelector(".calendar-plain").hidden = true;
  calendar.render();
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-calendar], [data-calendar-by]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.dataset.calendar) calendar[link.dataset.calendar]();
    else calendar.changeView(VIEWS[link.dataset.calendarBy]);
  });
}

if (place && window.FullCalendar) draw();
