"""Drives the playground as a person would, and counts what the person sees.

The promise: whatever happens to the daemon in mid-answer, each question gets
exactly one final message; and no daemon outlives its playground.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

from webdriver import Browser, until

ENTER = "\ue007"
ADA, NOOR = 1001, 1002

# A long answer takes about twenty seconds, and after a kill it begins anew.
ANSWER = 120

# All of the tour, on a busy machine.
TOUR = 600

PICTURES = (
    ("wide-light", 1280, 800, "light"),
    ("wide-dark", 1280, 800, "dark"),
    ("narrow-light", 390, 844, "light"),
    ("narrow-dark", 390, 844, "dark"),
)


class Playground:
    """The program under test, on a free port, with a temporary store."""

    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory(prefix="lastword-browser-")
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LASTWORD_", "TELEGRAM_", "OPENROUTER_"))
        }
        environment["TMPDIR"] = self.folder.name
        self.process = subprocess.Popen(
            [program, "playground", "--port", "0"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.said = ""
        threading.Thread(target=self.listen, daemon=True).start()
        found = until(lambda: re.search(r"http://127\.0\.0\.1:\d+", self.said), 30, "the playground says where it is")
        self.url = found.group()

    def listen(self):
        for line in self.process.stderr:
            self.said += line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.folder.cleanup()


class Chat:
    """The page, in a person's words."""

    def __init__(self, browser, chat):
        self.browser = browser
        self.pane = f'.pane[data-chat="{chat}"]'
        browser.click(f'.entry[data-chat="{chat}"]')

    def say(self, *texts):
        self.browser.click("#composer-text")
        for text in texts:
            self.browser.keys(text + ENTER)

    def all(self, selector):
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText)"
        return self.browser.run(script, f"{self.pane} {selector}")

    def answers(self):
        return self.all(".bubble.bot:not(.draft)")

    def draft(self):
        """Words of an answer that is being written."""
        return [words for words in self.all(".draft .body") if len(words) > 60]

    def ways(self):
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.dataset.step)"
        return self.browser.run(script, f"{self.pane} .way")

    def delivered(self, count):
        return self.ways() == ["delivered"] * count


def daemon(browser):
    """The daemon's process id, once it runs."""
    script = "return document.querySelector('#banner').innerText"
    shown = until(lambda: re.search(r"running.*pid (\d+)", browser.run(script), re.S), 20, "the daemon runs")
    return int(shown.group(1))


def lives(browser):
    return browser.run("return document.querySelector('#lives').innerText")


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def stays(what, expected, seconds=4):
    """Whatever comes late has this long to come."""
    time.sleep(seconds)
    assert what() == expected, f"expected {expected}, got {what()}"


def a_kill_in_mid_answer_leaves_exactly_one_answer(browser):
    first = daemon(browser)
    ada = Chat(browser, ADA)
    ada.say("Hello!", "Tell me a long story, please")
    until(lambda: "gathering" in ada.ways(), 10, "both messages gather")
    until(ada.draft, 30, "an answer is being written")
    assert ada.answers() == [], "nothing is final yet"
    browser.click('[data-do="kill"]')
    until(lambda: "SIGKILL" in lives(browser), 10, "the page tells of the kill")
    assert daemon(browser) != first, "another process took over"
    until(lambda: ada.delivered(2), ANSWER, "both messages are answered")
    stays(lambda: (len(ada.answers()), ada.draft()), (1, []))
    assert "long story" in ada.answers()[0], "the whole answer, for both messages"


def a_restart_in_mid_answer_waits_for_the_answer(browser):
    noor = Chat(browser, NOOR)
    noor.say("A story about a table, code and a list")
    until(noor.draft, 30, "an answer is being written")
    browser.click('[data-do="restart"]')
    until(lambda: "exit 0" in lives(browser), ANSWER, "the daemon drains and ends")
    assert re.search(r"exit 0 .*[1-9]\d* answered, 0 parked, 0 lost", lives(browser)), lives(browser)
    until(lambda: noor.delivered(1), 20, "it is delivered")
    daemon(browser)
    stays(lambda: (len(noor.answers()), noor.draft()), (1, []))


def an_outage_of_telegram_delays_and_loses_nothing(browser):
    noor = Chat(browser, NOOR)
    browser.click('[data-switch="telegram"]')
    noor.say("Can you hear me?")
    until(lambda: noor.ways()[-1:] == ["waits at Telegram"], 10, "it waits at Telegram")
    browser.click('[data-switch="telegram"]')
    until(lambda: noor.delivered(2), 60, "it is answered afterwards")
    stays(lambda: len(noor.answers()), 2)


def the_tour_ends_well(browser, folder):
    """Every step of it counts its own answers; here it is only watched."""

    def tour():
        script = "const tour = document.querySelector('.tour'); return [tour.dataset.tour, +tour.dataset.step, tour.innerText]"
        return browser.run(script)

    browser.click('[data-do="tour"]')
    until(lambda: tour()[0] == "running", 10, "the tour begins")
    begun, before = time.monotonic(), 0
    while tour()[0] == "running":
        assert time.monotonic() - begun < TOUR, tour()
        # The last picture of a step shows what it has come to.
        picture, step = browser.picture(), tour()[1]
        if step == before:
            with open(os.path.join(folder, f"tour-{step:02}.png"), "wb") as file:
                file.write(picture)
        before = step
        time.sleep(0.4)
    assert tour()[0] == "passed", tour()


def pictures(browser, folder):
    """What the README shows: an answer being written, in four dresses."""
    noor = Chat(browser, NOOR)
    noor.say("Good.", "Then tell me a very long story!")
    until(noor.draft, 30, "an answer is being written")
    for name, width, height, scheme in PICTURES:
        browser.look(width, height, scheme)
        time.sleep(0.4)
        browser.screenshot(os.path.join(folder, f"{name}.png"))
        wide = browser.run("return document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} wide"
    browser.look(1280, 800, "light")
    browser.click(f"{noor.pane} [data-stop]")
    until(lambda: not noor.draft() and len(noor.answers()) == 3, 20, "Stop keeps what was written")


def the_gallery_shows_answers_both_ways(browser, url, folder):
    browser.open(url + "/gallery?search=table")
    until(lambda: browser.run("return document.body.innerText.includes('Classic')"), 10, "the gallery is there")
    time.sleep(0.5)
    browser.screenshot(os.path.join(folder, "gallery.png"))
    browser.open(url)


def no_daemon_outlives_a_killed_playground(browser, playground):
    pid = daemon(browser)
    ada = Chat(browser, ADA)
    ada.say("One more long story")
    until(ada.draft, 30, "an answer is being written")
    playground.process.kill()
    until(lambda: not is_alive(pid), 10, "the daemon ends with its playground, also in mid-answer")


def ctrl_c_ends_the_daemon_and_leaves_nothing_behind(program):
    with Playground(program) as playground:
        time.sleep(1)
        playground.process.send_signal(signal.SIGINT)
        assert playground.process.wait(30) == 0
        left = os.listdir(playground.folder.name)
        assert left == [], left


def main(program, folder):
    with Playground(program) as playground, Browser() as browser:
        browser.look(1280, 800, "light")
        browser.open(playground.url)
        for test in (
            a_kill_in_mid_answer_leaves_exactly_one_answer,
            a_restart_in_mid_answer_waits_for_the_answer,
            an_outage_of_telegram_delays_and_loses_nothing,
        ):
            begun = time.monotonic()
            test(browser)
            print(f"ok  {test.__name__} ({time.monotonic() - begun:.0f} s)", flush=True)
        pictures(browser, folder)
        complaints = browser.complaints()
        assert complaints == [], complaints
        print("ok  pictures", flush=True)
        no_daemon_outlives_a_killed_playground(browser, playground)
        print("ok  no_daemon_outlives_a_killed_playground", flush=True)
    with Playground(program) as playground, Browser() as browser:
        browser.look(1280, 800, "light")
        browser.open(playground.url)
        the_tour_ends_well(browser, folder)
        the_gallery_shows_answers_both_ways(browser, playground.url, folder)
        complaints = browser.complaints()
        assert complaints == [], complaints
        print("ok  the_tour_ends_well", flush=True)
    ctrl_c_ends_the_daemon_and_leaves_nothing_behind(program)
    print("ok  ctrl_c_ends_the_daemon_and_leaves_nothing_behind", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
