"""A WebDriver client of the size that this test needs; standard library only.

Owns the chromedriver process and one headless window. Every wait is bounded.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
DRIVER = ("chromedriver",)


def found(names):
    """The path of the first program of these that is installed, or None."""
    return next(filter(None, map(shutil.which, names)), None)


class Browser:
    """One window of a headless Chromium."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.root = f"http://127.0.0.1:{port}"
        self.driver = subprocess.Popen(
            [found(DRIVER), f"--port={port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.session = None

    def __enter__(self):
        until(self.is_there, 20, "chromedriver listens")
        arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en-GB"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        options = {"binary": found(CHROMIUM), "args": arguments}
        wish = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}}
        answer = self.call("POST", "/session", wish, timeout=60)
        self.session = f"/session/{answer['sessionId']}"
        return self

    def __exit__(self, *_):
        try:
            if self.session:
                self.call("DELETE", self.session)
        finally:
            self.driver.terminate()
            try:
                self.driver.wait(10)
            except subprocess.TimeoutExpired:
                self.driver.kill()

    def is_there(self):
        try:
            return self.call("GET", "/status")["ready"]
        except OSError:
            return False

    def call(self, method, path, body=None, timeout=30):
        data = None if method in ("GET", "DELETE") else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.root + path, data, {"content-type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def cdp(self, command, **params):
        return self.call("POST", f"{self.session}/goog/cdp/execute", {"cmd": command, "params": params})

    def open(self, url):
        self.call("POST", f"{self.session}/url", {"url": url})

    def run(self, script, *arguments):
        """Runs JavaScript in the page and returns what it returns."""
        return self.call("POST", f"{self.session}/execute/sync", {"script": script, "args": list(arguments)})

    def keys(self, text):
        """Types into whatever has the focus, as a person would."""
        actions = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        body = {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}
        self.call("POST", f"{self.session}/actions", body)

    def click(self, selector):
        element = self.call("POST", f"{self.session}/element", {"using": "css selector", "value": selector})
        self.call("POST", f"{self.session}/element/{next(iter(element.values()))}/click")

    def look(self, width, height, scheme):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self):
        return base64.b64decode(self.call("GET", f"{self.session}/screenshot"))

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(self.picture())

    def complaints(self):
        """What the page wrote to the browser's console, by severity."""
        log = self.call("POST", f"{self.session}/se/log", {"type": "browser"})
        return [line["message"] for line in log if line["level"] == "SEVERE"]


def until(done, seconds, what):
    """Waits until `done` returns something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        result = done()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)
