// Puts what the server sends on the screen and tells it what the visitor does.
// All words and bubbles come as finished, escaped HTML from the server.
"use strict";

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const pane = (chat) => $(`.pane[data-chat="${chat}"]`);
const open = () => $(".pane:not([hidden])");
const text = $("#composer-text");
const state = { about: null, answers: new Map(), seen: new Map(), drafts: new Map() };

// ── what comes ──

function listen() {
  const source = new EventSource("/events");
  source.onmessage = (message) => show(JSON.parse(message.data));
  source.onerror = () => {
    $("#banner").innerHTML = '<span class="lamp down"></span><span class="phase" data-lamp="down">the playground has ended</span>';
  };
}

function show(frame) {
  const sticky = $$(".pane").filter((one) => $(".scroll", one).dataset.end);
  if (frame.reset) sweep(frame.items ?? []);
  for (const item of frame.items ?? []) put(item);
  for (const chat of frame.chats ?? []) entry(chat);
  for (const name of ["banner", "lives", "log", "tour"]) {
    if (frame[name] === undefined) continue;
    const place = $(`#${name}`);
    const atEnd = isAtEnd(place);
    place.innerHTML = frame[name];
    if (name === "log" && atEnd) place.scrollTop = place.scrollHeight;
    clocks(place);
  }
  if (frame.stage) choose(frame.stage);
  for (const [name, on] of Object.entries(frame.switches ?? {})) {
    $(`[data-switch="${name}"]`).setAttribute("aria-pressed", on);
  }
  for (const one of frame.toasts ?? []) toast(one);
  for (const one of sticky) toEnd(one);
}

const isAtEnd = (place) => place.scrollHeight - place.scrollTop - place.clientHeight < 90;

function toEnd(one) {
  const scroll = $(".scroll", one);
  scroll.dataset.end = "yes";
  scroll.scrollTop = scroll.scrollHeight;
}

function sweep(items) {
  const present = new Set(items.map((item) => `${item.key[0]}${item.chat}_${item.key.slice(1)}`));
  for (const line of $$(".lines > li")) if (!present.has(line.id)) line.remove();
}

function put({ chat, key, order, html }) {
  const lines = $(".lines", pane(chat));
  const id = `${key[0]}${chat}_${key.slice(1)}`;
  let line = document.getElementById(id);
  if (html === null) return line?.remove();
  if (!line) {
    line = document.createElement("li");
    line.id = id;
    line.dataset.order = order;
    if (key[0] === "d") line.setAttribute("aria-live", "off");
    const next = [...lines.children].reverse().find((other) => Number(other.dataset.order) <= order);
    if (next) next.after(line);
    else lines.prepend(line);
    pane(chat).classList.add("begun");
  }
  // A button that has the focus keeps it when its bubble is drawn anew.
  const focused = line.contains(document.activeElement) ? document.activeElement : null;
  const path = focused && $$("button, a, [tabindex]", line).indexOf(focused);
  line.innerHTML = html;
  if (focused) $$("button, a, [tabindex]", line)[path]?.focus();
  clocks(line);
}

function clocks(place) {
  for (const time of $$("time[data-ms]", place)) {
    const at = new Date(Number(time.dataset.ms));
    const seconds = place.id === "lives" ? { second: "2-digit" } : {};
    time.dateTime = at.toISOString();
    time.textContent = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", ...seconds });
  }
}

function entry({ id, last, typing, answers }) {
  const button = $(`.entry[data-chat="${id}"]`);
  if (last) $(".last", button).textContent = last;
  const sub = $(".sub", pane(id));
  sub.classList.toggle("typing", typing);
  sub.textContent = typing ? "Lastword is typing…" : sub.dataset.still;
  state.answers.set(id, answers);
  // Fewer than before: another playground, which begins anew.
  if (!(state.seen.get(id) <= answers)) state.seen.set(id, answers);
  unread(id);
}

function unread(id) {
  if (Number(open().dataset.chat) === id) state.seen.set(id, state.answers.get(id) ?? 0);
  const count = (state.answers.get(id) ?? 0) - (state.seen.get(id) ?? 0);
  const mark = $(`.entry[data-chat="${id}"] .unread`);
  mark.hidden = count <= 0;
  $(".number", mark).textContent = count;
}

let fading;
function toast(words) {
  const place = $("#toast");
  place.textContent = words;
  place.classList.add("on");
  clearTimeout(fading);
  fading = setTimeout(() => place.classList.remove("on"), 3500);
}

// ── what goes ──

async function wish(what) {
  try {
    const response = await fetch("/do", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(what),
    });
    if (!response.ok) toast((await response.json()).error);
    return response.ok;
  } catch {
    toast("The playground does not answer; was it ended?");
    return false;
  }
}

function place(one = open()) {
  const who = $("fieldset.as input:checked, input.as", one);
  return { chat: Number(one.dataset.chat), person: Number(who.value) };
}

async function send() {
  const words = text.value.trim();
  if (!words) return;
  const about = state.about;
  text.value = "";
  aboutNothing();
  const one = open();
  const what = about?.edit
    ? { do: "edit", ...place(one), message: about.edit, text: words }
    : { do: "say", ...place(one), text: words, reply_to: about?.reply ?? null };
  if (await wish(what)) toEnd(one);
  else if (!text.value) text.value = words;
}

function aboutSomething(about, label) {
  state.about = about;
  $("#about span").textContent = label;
  $("#about").hidden = false;
  text.focus();
}

function aboutNothing() {
  state.about = null;
  $("#about").hidden = true;
}

function choose(chat) {
  const before = open();
  if (Number(before.dataset.chat) === chat) return;
  state.drafts.set(Number(before.dataset.chat), text.value);
  for (const one of $$(".pane")) one.hidden = Number(one.dataset.chat) !== chat;
  for (const one of $$(".entry")) one.setAttribute("aria-current", Number(one.dataset.chat) === chat);
  text.value = state.drafts.get(chat) ?? "";
  aboutNothing();
  unread(chat);
  toEnd(open());
}

// Telegram's clients make photos small before they send them; so does this.
async function photo(file) {
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, 1280 / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const base64 = canvas.toDataURL("image/jpeg", 0.85).split(",")[1];
    const caption = text.value.trim();
    text.value = "";
    await wish({ do: "photo", ...place(), caption, base64 });
  } catch {
    await attach(file);
  }
}

// Any other file goes as it is.
async function attach(file) {
  if (file.size > 20e6) { toast("Bots can download files of 20 MB at most."); return; }
  const url = await new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(file);
  });
  const caption = text.value.trim();
  text.value = "";
  await wish({ do: "attach", ...place(), caption, name: file.name, mime: file.type, base64: url.split(",")[1] ?? "" });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const data = button.dataset;
  const here = () => place(button.closest(".pane"));
  if (data.chat) choose(Number(data.chat));
  else if (data.prompt) { text.value = data.prompt; send(); }
  else if (data.reply) aboutSomething({ reply: Number(data.reply) }, `Reply to ${data.who}`);
  else if (data.edit) { text.value = data.text; aboutSomething({ edit: Number(data.edit) }, "Edit your message"); }
  else if (data.press) wish({ do: "press", ...here(), message: Number(data.press), data: data.data });
  else if (data.stop) wish({ do: "stop", ...here(), draft: Number(data.stop) });
  else if (data.do) wish({ do: data.do });
  else if (data.switch) wish({ do: data.switch, on: button.getAttribute("aria-pressed") !== "true" });
  else if (button.id === "curtain") {
    const shown = $("#backstage").classList.toggle("open");
    button.setAttribute("aria-expanded", shown);
  } else if (button.closest("#about")) { if (state.about?.edit) text.value = ""; aboutNothing(); text.focus(); }
});

$("#composer").addEventListener("submit", (event) => { event.preventDefault(); send(); text.focus(); });
text.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); send(); }
  if (event.key === "Escape" && state.about) { if (state.about.edit) text.value = ""; aboutNothing(); }
});
$("#photo").addEventListener("change", (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) (file.type.startsWith("image/") ? photo : attach)(file);
});
// Who sees the end goes on seeing it when the window or the field changes size.
const sizes = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    if (target.dataset.end) target.scrollTop = target.scrollHeight;
    target.dataset.width = target.clientWidth;
  }
});
for (const scroll of $$(".scroll")) {
  scroll.dataset.end = "yes";
  sizes.observe(scroll);
  scroll.addEventListener("scroll", () => {
    // Moved by a new width, not by the visitor.
    if (Number(scroll.dataset.width) !== scroll.clientWidth) return;
    scroll.dataset.end = isAtEnd(scroll) ? "yes" : "";
  });
}
for (const sub of $$(".sub")) sub.textContent = sub.dataset.still;
if (matchMedia("(hover: hover)").matches) text.focus();
listen();
