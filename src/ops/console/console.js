// The page's script: puts in what the stream brings, lets moments pass, moves
// turns from stage to stage, asks before anything is done. It asks nobody but
// the daemon, and the page can be read without it.
"use strict";

const find = (selector, inside = document) => inside.querySelector(selector);
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const still = matchMedia("(prefers-reduced-motion: reduce)");

// The daemon's clock may differ from this one.
let skew = 0;
const now = () => Date.now() + skew;

// ---- spans of time, in the daemon's words (words.rs)

function span(millis) {
  const seconds = Math.round(Math.max(0, millis) / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

function countdown(millis) {
  const seconds = Math.round(Math.max(0, millis) / 1000);
  return seconds >= 60 && seconds < 600 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : span(millis);
}

const begun = new Map();

function tick() {
  for (const time of all("time[data-at]")) time.textContent = span(now() - time.dataset.at);
  for (const time of all("time[data-until]")) time.textContent = countdown(time.dataset.until - now());
  for (const bar of all("progress[data-until]")) {
    // The bar begins when it is first seen.
    const end = bar.dataset.until;
    if (!begun.has(end)) begun.set(end, now());
    const whole = end - begun.get(end);
    bar.value = whole > 0 ? Math.min(1, (now() - begun.get(end)) / whole) : 1;
  }
}

// ---- sections

const places = () => new Map(all("[data-turn].pill").map((pill) => [pill.dataset.turn, pill.getBoundingClientRect()]));

function show(sections) {
  const focused = whereabouts(document.activeElement);
  const before = "flow" in sections ? places() : null;
  for (const [name, html] of Object.entries(sections)) {
    const place = find(`[data-section="${name}"]`);
    const list = find(".rows", place);
    const scrolled = list?.scrollTop;
    place.innerHTML = html;
    if (scrolled) find(".rows", place)?.scrollTo(0, scrolled);
  }
  tick();
  refocus(focused);
  if (before) move(before);
  if ("top" in sections) tell();
}

// ---- the focus: whoever has it goes on where they were

// A button of a section, and which of its buttons it is.
function whereabouts(one) {
  const place = one?.closest("[data-section]");
  return place && one.id ? { id: one.id, place, at: all("button", place).indexOf(one) } : null;
}

// When what had the focus was replaced: to the same one, else to whatever has
// taken its place, else to the title of its section.
function refocus(where) {
  if (!where || document.activeElement !== document.body) return;
  const buttons = all("button", where.place);
  const title = () => find("h2", where.place.closest("section"));
  const next = document.getElementById(where.id) ?? buttons[Math.min(where.at, buttons.length - 1)] ?? title();
  next.focus({ preventScroll: true });
}

function move(before) {
  if (still.matches || document.hidden) return;
  for (const pill of all("[data-turn].pill")) {
    const to = pill.getBoundingClientRect();
    const from = before.get(pill.dataset.turn);
    if (!from) {
      // It has just been received.
      const start = find(".received .badge").getBoundingClientRect();
      const [x, y] = [start.left - to.left, start.top - to.top];
      pill.animate([{ transform: `translate(${x}px, ${y}px) scale(.4)`, opacity: 0 }, {}], { duration: 700, easing: "cubic-bezier(.2, .8, .2, 1)" });
    } else if (Math.abs(from.left - to.left) + Math.abs(from.top - to.top) > 2) {
      const way = `translate(${from.left - to.left}px, ${from.top - to.top}px)`;
      pill.animate([{ transform: way }, {}], { duration: 650, easing: "cubic-bezier(.3, .7, .2, 1)" });
    }
  }
}

// Only what matters is said aloud: the daemon's state, when it changes.
let state = null;

function tell() {
  const word = find("#state")?.dataset.state;
  if (state && word && word !== state) say(`The daemon is ${word}.`);
  state = word ?? state;
  if (word) document.title = `${word} · Lastword console`;
}

let silence;

function say(text) {
  const place = find("#said");
  place.textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => { place.textContent = ""; }, 5000);
}

// What was not done stays until it is dismissed, or something else is done.
function complain(text) {
  find("#wrong").textContent = text;
}

// ---- the stream

let gone = 0;

function away() {
  if (!gone) gone = Date.now();
  document.body.classList.add("away");
  const link = find("#link");
  // The first moment may be nothing; after half a minute it is something.
  const text = Date.now() - gone < 30000
    ? "The daemon is restarting… What was accepted is stored; this page goes on by itself."
    : "Nobody answers here. The page keeps trying; look at the service: systemctl status 'lastword*' --all";
  // Said aloud once, not at every try.
  if (link.textContent !== text) link.textContent = text;
}

function back() {
  document.body.classList.remove("away");
  find("#link").textContent = "";
  if (gone) say("The daemon is here again.");
  gone = 0;
}

function watch() {
  const stream = new EventSource("/console/events");
  stream.onmessage = (event) => {
    const news = JSON.parse(event.data);
    skew = news.now - Date.now();
    back();
    show(news.sections);
  };
  // Not left to the browser, which gives up for good on some answers.
  stream.onerror = () => {
    stream.close();
    away();
    setTimeout(again, 1000);
  };
}

async function again() {
  try {
    const answer = await fetch("/console/session", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (answer.status === 401) return location.assign("/console/login");
    if (answer.ok) return watch();
  } catch {
    // Nobody is there yet.
  }
  away();
  setTimeout(again, 1000);
}

// ---- actions

const ASK = {
  pause: {
    title: "Pause?",
    text: "Messages are taken and stored as before, but no turn begins until you resume, also after a restart. What is being answered is finished.",
    yes: "Pause",
  },
  resume: { title: "Resume?", text: "Everything that waits begins.", yes: "Resume" },
  cancel: { title: "Cancel this turn?", text: "It ends as if its person had pressed Stop, and they see that it was stopped.", yes: "Cancel the turn" },
  replay: { title: "Replay this turn?", text: "It runs again as the last turn of its chat. The answer comes as a new message.", yes: "Replay" },
};

let wish = null;

// The button that was pressed last.
let pressed = null;

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (!button) return;
  pressed = whereabouts(button);
  const { title, text, yes } = ASK[button.dataset.do];
  const of = button.dataset.turn ? ` (turn ${button.dataset.turn})` : "";
  wish = button.dataset.turn ? { do: button.dataset.do, turn: Number(button.dataset.turn) } : { do: button.dataset.do };
  find("#ask-title").textContent = title.replace("?", `${of}?`);
  find("#ask-text").textContent = text;
  find("#ask-yes").textContent = yes;
  const reason = find("#ask-reason");
  reason.hidden = wish.do !== "pause";
  find("input", reason).value = "";
  const dialog = find("#ask");
  dialog.returnValue = "";
  dialog.showModal();
  (reason.hidden ? find("#ask-yes") : find("input", reason)).focus();
});

find("#ask").addEventListener("close", () => {
  // The browser gives the focus back to the button, but that may be gone.
  refocus(pressed);
  if (find("#ask").returnValue === "yes" && wish) act(wish);
  wish = null;
});

find("#dismiss").addEventListener("click", () => {
  complain("");
  // It is gone itself now.
  document.activeElement?.blur();
  if (pressed) refocus(pressed);
  else find("#flow").focus({ preventScroll: true });
});

// Enter in the field means what the dialog asks, not its first button.
find("#ask-reason input").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  find("#ask").close("yes");
});

async function act(wish) {
  if (wish.do === "pause") wish.reason = find("#ask-reason input").value;
  try {
    const answer = await fetch("/console/do", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(wish),
    });
    if (answer.status === 401) return location.assign("/console/login");
    const { said, error } = await answer.json();
    complain(said ? "" : error);
    if (said) say(said);
  } catch {
    complain("nobody answered; look whether it was done before trying again");
  }
}

tick();
setInterval(tick, 1000);
tell();
watch();
