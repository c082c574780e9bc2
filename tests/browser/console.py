"""Drives the console as an operator would, beside the playground with people in it.

The promise: what happens to turns is seen while it happens, what is asked for is
done, a restart is a pause in the picture and no more; and everybody can read it.
"""

import os
import re
import sys
import time

from playground import ADA, NOOR, Chat, Playground, daemon
from webdriver import Browser, until

# Turns that fail take a few tries, and a long answer its time.
SLOW = 240

LOOKS = (
    ("console", 1280, 940, "light"),
    ("console-dark", 1280, 940, "dark"),
    ("console-phone", 390, 1180, "light"),
    ("console-phone-dark", 390, 1180, "dark"),
    ("console-narrow", 360, 900, "light"),
)

# What people with other eyes, hands and ears need, as far as a program can tell.
CHECK = r"""
const faults = [];
const shown = (one) => one.getClientRects().length > 0 && getComputedStyle(one).visibility === "visible";
const colour = (text) => {
  const n = (text.match(/-?[\d.]+(e-?\d+)?/g) || []).map(Number);
  if (text.startsWith("color(")) return [n[0] * 255, n[1] * 255, n[2] * 255, n[3] ?? 1];
  return [n[0], n[1], n[2], n[3] ?? 1];
};
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const ground = (one) => {
  const layers = [];
  for (let at = one; at; at = at.parentElement) {
    layers.push(colour(getComputedStyle(at).backgroundColor));
    if (layers.at(-1)[3] === 1) break;
  }
  return layers.reverse().reduce((below, top) => over(top, below), colour("rgb(255, 255, 255)"));
};
const light = (c) => {
  const [r, g, b] = c.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let texts = 0;
while (walker.nextNode()) {
  const node = walker.currentNode, one = node.parentElement;
  if (!node.textContent.trim() || !shown(one) || one.closest(".sr, noscript, script, option")) continue;
  const style = getComputedStyle(one);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const below = ground(one);
  const ratio = contrast(over(colour(one.closest("svg") ? style.fill : style.color), below), below);
  texts += 1;
  if (ratio < (large ? 3 : 4.5)) faults.push(`contrast ${ratio.toFixed(2)}: ${node.textContent.trim().slice(0, 40)} (${one.className})`);
}
if (texts < 3) faults.push("there is no text to look at");
for (const one of document.querySelectorAll("button, a, input, svg[role=img], section, dialog, progress")) {
  const by = (one.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id)?.textContent || "").join("");
  const name = one.getAttribute("aria-label") || by || (one.labels && [...one.labels].map((l) => l.textContent).join("")) || one.textContent;
  if (!name.trim()) faults.push(`no name: ${one.outerHTML.slice(0, 80)}`);
}
for (const one of document.querySelectorAll("img:not([alt]), svg:not([role=img]):not([aria-hidden=true])")) faults.push(`says nothing: ${one.outerHTML.slice(0, 80)}`);
for (const one of document.querySelectorAll("button, input")) {
  const box = one.getBoundingClientRect();
  if (shown(one) && (box.height < 24 || box.width < 24)) faults.push(`too small to hit: ${one.outerHTML.slice(0, 80)}`);
}
const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`twice: ${id}`);
let level = 0;
for (const one of document.querySelectorAll("h1, h2, h3")) {
  const next = Number(one.tagName[1]);
  if (next > level + 1) faults.push(`a level is left out before: ${one.textContent}`);
  level = next;
}
for (const need of ["html[lang]", "main", "h1", "title", "meta[name=viewport]"]) if (document.querySelectorAll(need).length !== 1) faults.push(`not one ${need}`);
return [...new Set(faults)];
"""


def everybody_can_read_it(browser, name):
    faults = browser.run(CHECK)
    assert faults == [], f"{name}: {faults}"


def environment(pid, name):
    with open(f"/proc/{pid}/environ", encoding="utf-8") as file:
        found = [line.partition("=")[2] for line in file.read().split("\0") if line.startswith(name + "=")]
    return found[0]


class Console:
    """The console's page, in an operator's words."""

    def __init__(self, browser, pid):
        self.browser = browser
        self.url = f"http://{environment(pid, 'LASTWORD_OPS__LISTEN')}/console/"
        folder = os.path.dirname(environment(pid, "LASTWORD_STORE__PATH"))
        self.token_file = os.path.join(folder, "console-token")

    def text(self, selector):
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return self.browser.run(script, selector)

    def state(self):
        return self.browser.run("return document.querySelector('#state')?.dataset.state")

    def is_away(self):
        return self.browser.run("return document.querySelector('#link').textContent !== ''")

    def focus(self):
        return self.browser.run("return document.activeElement.id || document.activeElement.tagName")

    def count(self, stage):
        script = "return Number(document.querySelector(`.stage.${arguments[0]}`).dataset.count)"
        return self.browser.run(script, stage)

    def stages(self):
        """Where each turn is that is shown."""
        script = "return [...document.querySelectorAll('.pill')].map((one) => [one.dataset.turn, one.closest('.stage').classList[1]])"
        return self.browser.run(script)

    def login(self, token):
        self.browser.click("#token")
        self.browser.keys(token)
        self.browser.click(".door button")

    def ask(self, selector, reason=""):
        self.browser.click(selector)
        until(lambda: self.browser.run("return document.querySelector('#ask').open"), 10, "it asks first")
        if reason:
            self.browser.keys(reason)
        self.browser.click("#ask-yes")


def only_the_token_opens_it(browser, console):
    browser.open(console.url)
    until(lambda: console.text("h1"), 10, "the door is there")
    assert console.token_file in console.text(".hint"), "it says where the token is"
    everybody_can_read_it(browser, "the door")
    console.login("a-wrong-token-of-some-length")
    until(lambda: console.text("#why"), 10, "it says that this was wrong")
    everybody_can_read_it(browser, "the door, after a wrong token")
    assert os.stat(console.token_file).st_mode & 0o777 == 0o600
    with open(console.token_file, encoding="ascii") as file:
        console.login(file.read().strip())
    until(lambda: console.state() == "running", 20, "the console is open")


def a_turn_is_seen_on_its_way(browser, console, people):
    Chat(people, ADA).say("Tell me a long story, please")
    seen = set()

    def arrived():
        seen.update(stage for _, stage in console.stages())
        return "delivered" in seen

    until(arrived, SLOW, "it is seen to arrive")
    assert {"generating", "delivered"} <= seen, seen
    assert "long story" not in browser.run("return document.documentElement.innerHTML")
    until(lambda: console.count("delivered") >= 1, 20, "it is counted")
    pill = browser.run("const pill = document.querySelector('.pill'); return [pill.dataset.turn, pill.textContent]")
    assert f"turn {pill[0]}, chat " in pill[1], pill
    until(lambda: "…" not in console.text(".numbers") and "half" in console.text(".numbers"), 20, "its time is on the plot")


def a_pause_holds_turns_back_until_it_ends(browser, console, people):
    console.ask("#pause", "a look at the “costs” <b>")
    until(lambda: console.state() == "paused", 20, "it is paused")
    until(lambda: console.focus() == "resume", 10, "the focus is on what has taken the button's place")
    assert "a look at the “costs” <b>" in console.text("#paused"), "the reason, as it was written"
    ada = Chat(people, ADA)
    before = len(ada.answers())
    ada.say("Are you there?")
    until(lambda: console.count("waiting") == 1, 60, "the turn waits")
    everybody_can_read_it(browser, "paused")
    time.sleep(3)
    assert not any("Are you there" in answer for answer in ada.answers()), "no answer during a pause"
    console.ask("#resume")
    until(lambda: console.state() == "running", 20, "it goes on")
    until(lambda: console.focus() == "pause", 10, "the focus is on what has taken the button's place")
    until(lambda: len(ada.answers()) > before and ada.ways()[-1] == "delivered", SLOW, "it is answered")
    until(lambda: console.count("waiting") == 0, 20, "nobody waits")


def a_failed_turn_is_replayed(browser, console, people, folder):
    people.click('[data-switch="model"]')
    noor = Chat(people, NOOR)
    noor.say("Will you answer?")
    until(lambda: "Replay" in console.text('[data-section="failed"]'), SLOW, "the failed turn is listed")
    assert "tried next in" in console.text(".organs .bad"), "and why"
    everybody_can_read_it(browser, "a failed turn")
    browser.screenshot(os.path.join(folder, "console-failed.png"))
    people.click('[data-switch="model"]')
    console.ask('[data-do="replay"]')
    until(lambda: "runs again" in console.text("#said"), 20, "it says what it has done")
    until(lambda: "No turn has failed" in console.text('[data-section="failed"]'), SLOW, "it is listed no more")
    until(lambda: console.focus() == "failed-title", 10, "the focus is at the title, for no button is left")
    # The model is given a rest first.
    until(lambda: noor.delivered(1), SLOW, "it is answered")


def what_is_said_is_announced_and_what_was_not_done_stays(browser, console):
    # A region that appears with its text is not announced: it has to be there before.
    there = "return ['link', 'said', 'wrong'].map((id) => document.getElementById(id)).map((one) => [one.textContent, one.getClientRects().length, getComputedStyle(one).visibility])"
    until(lambda: not console.text("#said"), 20, "nothing is being said")
    assert browser.run(there) == [["", 1, "visible"]] * 3, browser.run(there)
    hidden = "return ['#link', '#said', '.toast'].map((one) => getComputedStyle(document.querySelector(one)).clipPath)"
    assert browser.run(hidden) == ["inset(50%)"] * 3, "and nobody sees it"
    browser.run("document.querySelector('#pause').focus(); act({do: 'replay', turn: 987654})")
    until(lambda: "no turn 987654" in console.text("#wrong"), 20, "it says why not")
    assert browser.run(hidden)[2] == "none", "and shows it"
    everybody_can_read_it(browser, "a complaint")
    # Longer than anything else that is said.
    time.sleep(7)
    assert "no turn 987654" in console.text("#wrong"), "it is there until somebody has read it"
    browser.run("document.querySelector('#dismiss').focus()")
    browser.keys("\ue007")
    until(lambda: not console.text("#wrong"), 10, "it is dismissed")
    assert console.focus() != "BODY", "and the focus is somewhere"


def a_restart_is_a_pause_in_the_picture(browser, console, people, folder):
    first = daemon(people)
    noor = Chat(people, NOOR)
    answered = noor.ways().count("delivered")
    noor.say("A long story, please")
    until(noor.draft, SLOW, "an answer is being written")
    people.click('[data-do="restart"]')
    until(lambda: "1 turn left" in console.text("#drain"), 20, "who is left is seen")
    browser.screenshot(os.path.join(folder, "console-drain.png"))
    everybody_can_read_it(browser, "draining")
    until(lambda: console.is_away() and "restarting" in console.text("#link"), SLOW, "it says so, calmly")
    everybody_can_read_it(browser, "restarting")
    until(lambda: not console.is_away() and console.state() == "running", 60, "it goes on by itself, without a login")
    assert daemon(people) != first
    assert noor.ways().count("delivered") == answered + 1, "and the answer had arrived"


def it_can_be_read_without_its_script(console, browser):
    browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(console.url)
        html = browser.call("GET", f"{browser.session}/source")
        words = re.sub(r"<[^>]*>", " ", html)
        for part in ("Turns on their way", "running", "answers, last hour", "This page loads itself anew"):
            assert part in words, part
        assert "…</time>" not in html, "moments are filled in"
        # Whoever reads slowly stops that.
        browser.open(console.url + "?still")
        html = browser.call("GET", f"{browser.session}/source")
        assert "This page stands still" in html and "http-equiv" not in html
    finally:
        browser.cdp("Emulation.setScriptExecutionDisabled", value=False)
    browser.open(console.url)
    until(lambda: console.state() == "running", 20, "the console is open again")


def it_can_be_used_by_keyboard(browser, console):
    browser.open(console.url)
    until(lambda: console.state() == "running", 20, "the console is open")
    seen = []
    for _ in range(12):
        browser.keys("\ue004")
        focus = browser.run("const one = document.activeElement; const s = getComputedStyle(one); return [one.id || one.textContent.trim(), s.outlineStyle, parseFloat(s.outlineWidth)]")
        seen.append(focus[0])
        assert focus[0] == "" or (focus[1] == "solid" and focus[2] >= 2), focus
        if focus[0] == "pause":
            break
    assert seen[0] == "To the turns" and "pause" in seen, seen
    browser.keys("\ue007")
    until(lambda: browser.run("return document.querySelector('#ask').open"), 10, "it asks first")
    everybody_can_read_it(browser, "the question")
    browser.keys("\ue00c")
    until(lambda: not browser.run("return document.querySelector('#ask').open"), 10, "Escape keeps it as it is")
    assert console.state() == "running"


def looks(browser, console, people, folder):
    """What the documents show: turns on their way, in several dresses."""
    ada, noor = Chat(people, ADA), Chat(people, NOOR)
    noor.say("A very long story about the sea, please")
    until(noor.draft, SLOW, "an answer is being written")
    ada = Chat(people, ADA)
    ada.say("And one about the mountains, as long as you can")
    until(lambda: console.count("generating") == 2, SLOW, "both are being written")
    for name, width, height, scheme in LOOKS:
        browser.look(width, height, scheme)
        time.sleep(1.2)
        browser.run("scrollTo(0, 0)")
        browser.screenshot(os.path.join(folder, f"{name}.png"))
        wide = browser.run("return document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} wide"
        everybody_can_read_it(browser, name)
    browser.look(1280, 940, "light")


def no_login_outlives_a_logout(browser, console):
    browser.click(".top form button")
    until(lambda: browser.run("return !!document.querySelector('#token')"), 10, "the door is there")
    browser.open(console.url)
    until(lambda: browser.run("return !!document.querySelector('#token')"), 10, "the door is shut")


def main(program, folder):
    with Playground(program) as playground, Browser() as people, Browser() as browser:
        people.look(1280, 800, "light")
        people.open(playground.url)
        browser.look(1280, 940, "light")
        console = Console(browser, daemon(people))
        for test, arguments in (
            (only_the_token_opens_it, (browser, console)),
            (it_can_be_used_by_keyboard, (browser, console)),
            (a_turn_is_seen_on_its_way, (browser, console, people)),
            (a_pause_holds_turns_back_until_it_ends, (browser, console, people)),
            (a_failed_turn_is_replayed, (browser, console, people, folder)),
            (what_is_said_is_announced_and_what_was_not_done_stays, (browser, console)),
            (it_can_be_read_without_its_script, (console, browser)),
            (a_restart_is_a_pause_in_the_picture, (browser, console, people, folder)),
            (looks, (browser, console, people, folder)),
            (no_login_outlives_a_logout, (browser, console)),
        ):
            begun = time.monotonic()
            test(*arguments)
            print(f"ok  {test.__name__} ({time.monotonic() - begun:.0f} s)", flush=True)
        # A daemon that is away, a token that is wrong and a wish that cannot be
        # fulfilled are told by the browser too.
        expected = ("ERR_CONNECTION", "403", "409", "ERR_INCOMPLETE", "ERR_EMPTY")
        told = [line for line in browser.complaints() if not any(one in line for one in expected)]
        assert told == [], told


if __name__ == "__main__":
    main(*sys.argv[1:])
