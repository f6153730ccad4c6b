"""Opens HTML reports in Chromium and checks what a reader relies on.

usage: check.py PROGRAM [DIRECTORY]    DIRECTORY gets the screenshots
"""

import base64
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

# Chromium's own requests; what is left comes from the page.
QUIET = [
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--no-first-run", "--no-default-browser-check",
]

HOSTILE = (
    "</pre></details><script>document.title='changed'</script>"
    "<img src='{server}/image' onerror=\"document.title='changed'\">"
    "<style>@import url('{server}/style');</style><iframe src='{server}/frame'></iframe>"
)

# The lowest contrast of a text with what is behind it, and that text (WCAG 2.2, 1.4.3).
CONTRAST = """
(() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => (v /= 255, v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  document.querySelectorAll("details").forEach((details) => details.open = true);
  let lowest = [99, ""];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text) continue;
    const style = getComputedStyle(element);
    const color = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(parse(color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < lowest[0]) lowest = [ratio, text.slice(0, 40)];
  }
  return lowest;
})()
"""

PAGE = """
(() => ({
  title: document.title,
  language: document.documentElement.lang,
  headings: [...document.querySelectorAll("h1,h2,h3,h4")].map((h) => Number(h.tagName[1])),
  pictures: [...document.querySelectorAll("svg,img")].map((p) =>
    [p.getAttribute("role"), p.getAttribute("aria-label")]),
  foreign: [...document.querySelectorAll("script,iframe,img,link,object,embed,form")].length,
  policy: document.querySelector("meta[http-equiv=Content-Security-Policy]").content,
  wide: document.documentElement.scrollWidth > innerWidth,
  text: document.body.innerText,
}))()
"""


class Browser:
    """Chromium behind its debugging pipe: messages of JSON that a NUL ends."""

    def __init__(self, directory):
        ours, theirs = os.pipe(), os.pipe()
        def place():
            # It reads from 3 and writes to 4.
            source, sink = os.dup(ours[0]), os.dup(theirs[1])
            os.dup2(source, 3)
            os.dup2(sink, 4)
        root = ["--no-sandbox"] if os.getuid() == 0 else []
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={directory}",
             *QUIET, *root, "about:blank"],
            preexec_fn=place, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self.sink, self.source = os.fdopen(ours[1], "wb"), os.fdopen(theirs[0], "rb")
        self.number, self.events, self.rest, self.session = 0, [], b"", None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ["Page", "Network", "Runtime"]:
            self.call(f"{domain}.enable")

    def message(self):
        while b"\0" not in self.rest:
            chunk = os.read(self.source.fileno(), 1 << 16)
            if not chunk:
                raise RuntimeError("chromium has ended")
            self.rest += chunk
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.sink.write(json.dumps(message).encode() + b"\0")
        self.sink.flush()
        while (answer := self.message()).get("id") != self.number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, url):
        """Loads a page; the addresses that it asked for."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.message())
        # What a page starts late is in the queue by now.
        self.evaluate("new Promise((done) => setTimeout(done, 300))")
        asked = [event["params"]["request"]["url"] for event in self.events
                 if event.get("method") == "Network.requestWillBeSent"]
        return [address for address in asked if address != url]

    def evaluate(self, script):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def show(self, scheme, width):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                  mobile=False)

    def screenshot(self, file):
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(picture["data"]))

    def close(self):
        self.process.kill()
        self.process.wait()


class Counting(http.server.BaseHTTPRequestHandler):
    """A server that no report may ask for anything."""

    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_):
        pass


def token(claims):
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    signature = base64.urlsafe_b64encode(os.urandom(256)).decode().rstrip("=")
    return f"{part({'alg': 'RS256', 'kid': 'k'})}.{part(claims)}.{signature}"


def report(program, file, *arguments, stdin=""):
    subprocess.run([program, *arguments, "--report", str(file)], input=stdin, text=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return file.as_uri()


def check(name, is_so, shown):
    if not is_so:
        sys.exit(f"{name}: {shown}")


def readable(browser, name, pictures):
    page = browser.evaluate(PAGE)
    check(f"{name}: language", page["language"] == "en", page["language"])
    check(f"{name}: one h1 comes first", page["headings"][0] == 1 and page["headings"].count(1) == 1,
          page["headings"])
    steps = zip(page["headings"], page["headings"][1:])
    check(f"{name}: no heading skips a level", all(b <= a + 1 for a, b in steps), page["headings"])
    check(f"{name}: the picture has a text", page["pictures"] and all(
        role == "img" and label for role, label in page["pictures"]), page["pictures"])
    check(f"{name}: nothing foreign", page["foreign"] == 0, page["foreign"])
    check(f"{name}: the policy loads nothing", page["policy"].startswith("default-src 'none'"),
          page["policy"])
    for scheme in ["light", "dark"]:
        for width in [1000, 400]:
            browser.show(scheme, width)
            wide = browser.evaluate("document.documentElement.scrollWidth > innerWidth")
            check(f"{name}: fits {width} pixels", not wide, scheme)
            if pictures:
                browser.screenshot(pictures / f"{name}-{scheme}-{width}.png")
        ratio, text = browser.evaluate(CONTRAST)
        check(f"{name}: contrast, {scheme}", ratio >= 4.5, f"{ratio:.2f} for {text!r}")
    return page


def main(program, pictures):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        files = pathlib.Path(directory)
        browser = Browser(files / "profile")
        try:
            # The same page without our care asks for everything: so the checks below can fail.
            loose = files / "loose.html"
            loose.write_text("<!doctype html><title>as it was</title>" + HOSTILE.replace("{server}", address))
            check("loose page asks", len(browser.open(loose.as_uri())) >= 2, Counting.asked)
            check("loose page runs", browser.evaluate("document.title") == "changed", "no script ran")
            Counting.asked.clear()

            for scenario in ["audience-mismatch", "denied-by-subject", "healthy"]:
                url = report(program, files / f"{scenario}.html", "demo", scenario)
                asked = browser.open(url)
                check(f"{scenario}: no request", not asked, asked)
                page = readable(browser, scenario, pictures)
                check(f"{scenario}: the answer", "Login to acme" in page["title"], page["title"])

            hostile = HOSTILE.replace("{server}", address)
            claims = {"iss": "https://issuer.invalid", "sub": hostile, "aud": hostile, "exp": 4102444800}
            url = report(program, files / "hostile.html", "--offline", "--oidc-org", hostile, "-",
                         stdin=token(claims))
            asked = browser.open(url)
            check("hostile: no request", not asked, asked)
            page = readable(browser, "hostile", pictures)
            check("hostile: its text is shown", "<script>document.title" in page["text"], page["text"][:400])
            check("hostile: nothing ran", page["title"].startswith(("✗", "?")), page["title"])
            check("no report asked the server", not Counting.asked, Counting.asked)
        finally:
            browser.close()
    print("The HTML report: 4 pages, light and dark, checked in chromium.")


if __name__ == "__main__":
    directory = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] else None
    if directory:
        directory.mkdir(parents=True, exist_ok=True)
    main(os.path.abspath(sys.argv[1]), directory)
