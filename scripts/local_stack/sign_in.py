"""Opens the local Prefect's page signed in.

The page takes its credential from the browser's storage, which only a page of the same address can write. So Prefect
serves one more page. It gets the credential once, from a server of 127.0.0.1 that lives until then, for a ticket. The
ticket is in a file that only the user can read, since command lines, of a browser too, are for everybody to see.
"""

import base64
import hmac
import os
import secrets
import sys
import threading
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from scripts.shared.local_settings import HOST, LocalSettings
from scripts.shared.refusal import Refusal
from scripts.shared.steps import display_path
from scripts.shared.whole_file import write_whole

WAIT_SECONDS = 60
PAGE_NAME = "sign_in.html"
# `prefect-password` is where Prefect's pages keep what they send as basic auth (tested in a browser).
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Sign in to Prefect</title>
<p id="told">Signing in …</p>
<script>
const [, port, ticket] = location.hash.match(/^#([0-9]+)[/]([A-Za-z0-9_-]+)$/) || [];
fetch(`http://127.0.0.1:${port}/${ticket}`, { cache: "no-store" })
  .then((answer) => (answer.ok ? answer.text() : Promise.reject()))
  .then((credential) => {
    localStorage.setItem("prefect-password", credential);
    location.replace("/");
  })
  .catch(() => {
    document.getElementById("told").textContent = "Not signed in. Run `make open` again.";
  });
</script>
"""


def find_browser() -> webbrowser.BaseBrowser | None:
    """The user's browser; none on a machine without a display, where only one in a terminal could be."""
    if sys.platform == "linux" and not any(map(os.environ.get, ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))):
        return None
    try:
        return webbrowser.get()
    except webbrowser.Error:
        return None


def by_hand(settings: LocalSettings) -> str:
    """How to sign in without this."""
    return f"{settings.prefect_url}, sign in with the content of {display_path(settings.prefect_auth_file)}"


def open_signed_in(
    settings: LocalSettings, browser: webbrowser.BaseBrowser, wait_seconds: float = WAIT_SECONDS
) -> None:
    """Open the page in the browser and give it the credential once.

    Raises:
        Refusal: Prefect does not serve the page, or the browser did not come for the credential in time.
    """
    pages = settings.directory / "prefect" / "ui" / "v1"
    if pages.is_dir():
        write_whole(pages / PAGE_NAME, PAGE)
    address = f"{settings.prefect_url}/{PAGE_NAME}"
    if httpx.get(address, trust_env=False).text != PAGE:
        raise Refusal(f"{address} is not the page that signs in; expected it: `make down up`, then `make open`.", 1)
    with _Once(settings) as once:
        way = settings.directory / "open.html"
        write_whole(
            way, f'<meta http-equiv="refresh" content="0;url={address}#{once.server_port}/{once.ticket}">', 0o600
        )
        try:
            browser.open(way.as_uri())
            if not once.given.wait(wait_seconds):
                raise Refusal(f"No browser came within {wait_seconds:.0f} s: open {by_hand(settings)}.", 1)
        finally:
            way.unlink()


class _Once(ThreadingHTTPServer):
    """Gives the credential to the first who asks with the ticket, from Prefect's page."""

    def __init__(self, settings: LocalSettings) -> None:
        super().__init__((HOST, 0), _Answer)
        self.origin = settings.prefect_url
        self.ticket = secrets.token_urlsafe(32)
        self.credential: str | None = base64.b64encode(settings.prefect_auth_string().encode()).decode()
        self.given = threading.Event()
        self.lock = threading.Lock()

    def take(self, path: str, origin: str) -> str | None:
        with self.lock:
            if origin != self.origin or not hmac.compare_digest(path.encode(), f"/{self.ticket}".encode()):
                return None
            credential, self.credential = self.credential, None
            return credential

    def __enter__(self) -> "_Once":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    server: _Once

    def do_GET(self) -> None:
        credential = self.server.take(self.path, self.headers.get("Origin", ""))
        if credential is None:
            self.send_error(404)
            return
        self.send_response(200)
        for name, value in {
            "Access-Control-Allow-Origin": self.server.origin,
            "Cache-Control": "no-store",
            "Content-Type": "text/plain",
            "Content-Length": str(len(credential)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(credential.encode())
        self.server.given.set()

    def log_message(self, *_: object) -> None:
        """Nothing: the ticket is in the address."""
