"""GOV.UK Notify and Twilio as their pages describe them, small: a server that tests start, or a process of its own.

``python -m tests.services.carriers_over_http --port 8901 --late 0.2 --fails 0.2 --drops 0.1`` serves until it is ended;
``GET /acceptances`` answers how often each reference was accepted, ``GET /times`` when, as JSON. Nothing here calls out.
"""

import argparse
import base64
import json
import random
import re
import socket
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import jwt

SERVICE_ID = "26785a09-ab16-4eb0-8407-a37497a57506"
SECRET = "3d844edf-8d35-48ac-975b-e847b4f122b0"
NOTIFY_KEY = f"invented-{SERVICE_ID}-{SECRET}"
TEMPLATE_ID = "f33517ff-2a88-4f6e-b855-c550268ce08a"
ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "an-invented-token-of-an-invented-account"
TWILIO_FROM = "+447700900999"

NOTIFY_ERRORS = {
    400: ("ValidationError", "phone_number Not enough digits"),
    403: ("AuthError", "Invalid token: API key not found"),
    429: ("RateLimitError", "Exceeded rate limit for key type live of 3000 requests per 60 seconds"),
    500: ("Exception", "Internal server error"),
}
TWILIO_ERRORS = {
    400: (21211, "The 'To' number is not a valid phone number."),
    401: (20003, "Authenticate"),
    429: (20429, "Too Many Requests"),
    500: (20500, "Internal Server Error"),
}


@dataclass(frozen=True)
class Accepted:
    """One text that a carrier took."""

    id: str
    reference: str
    to: str
    body: str
    at: float = 0


@dataclass
class Post:
    """What both carriers took, and how they answer. ``next_ones`` are used up one a text, then the shares decide.

    A behaviour: ``ok``; a status, nothing taken; ``500 taken``; ``drop`` (taken, the line cut), ``cut`` (not taken, the line
    cut), ``hang`` (taken, no answer while ``hangs`` is not set), ``dawdle`` (taken, an answer bit by bit without end).
    ``asked`` is how a list is answered.
    """

    late: float = 0
    fails: float = 0
    drops: float = 0
    seed: int = 0
    stalls: float = 0
    next_ones: list[str] = field(default_factory=list)
    asked: str = "ok"
    accepted: list[Accepted] = field(default_factory=list)
    tried: int = 0
    questions: list[str] = field(default_factory=list)
    hangs: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._lock = threading.Lock()

    def behaviour(self) -> str:
        """Return how the next text is met."""
        with self._lock:
            self.tried += 1
            if self.next_ones:
                return self.next_ones.pop(0)
            drawn = self._chance.random()
            if drawn < self.fails:
                return "500"
            if drawn < self.fails + self.drops:
                return "drop"
            return "hang" if drawn < self.fails + self.drops + self.stalls else "ok"

    def take(self, one: Accepted) -> None:
        with self._lock:
            self.accepted.append(replace(one, at=time.time()))

    def acceptances(self) -> dict[str, int]:
        """Return how often each reference was accepted: more than once is a text that came twice."""
        return dict(Counter(one.reference for one in self.accepted))

    def times(self) -> dict[str, list[float]]:
        """Return the seconds at which each reference was accepted."""
        found: dict[str, list[float]] = defaultdict(list)
        for one in self.accepted:
            found[one.reference].append(one.at)
        return found


class Handler(BaseHTTPRequestHandler):
    """One request. HTTP/1.1, as both carriers speak it."""

    protocol_version = "HTTP/1.1"
    post: Post

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/acceptances":
            self._answer(200, self.post.acceptances())
        elif address.path == "/times":
            self._answer(200, self.post.times())
        elif address.path == "/v2/notifications" and self._notify_may():
            reference = parse_qs(address.query).get("reference", [""])[0]
            self.post.questions.append(reference)
            if self.post.asked != "ok":
                self._notify_error(int(self.post.asked))
                return
            found = [self._notification(one) for one in self.post.accepted if one.reference == reference]
            self._answer(200, {"notifications": found, "links": {"current": self.path}})
        elif address.path != "/v2/notifications":
            self._answer(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v2/notifications/sms":
            self._notify_text(json.loads(body))
        elif match := re.fullmatch(r"/2010-04-01/Accounts/(\w+)/Messages\.json", self.path):
            self._twilio_text(match[1], {key: values[0] for key, values in parse_qs(body.decode()).items()})
        else:
            self._answer(404, {})

    def _notify_text(self, sent: dict[str, Any]) -> None:
        if not self._notify_may():
            return
        one = Accepted(str(uuid4()), sent.get("reference", ""), sent["phone_number"], sent["personalisation"]["body"])
        what = self.post.behaviour()
        if what.isdigit():
            self._notify_error(int(what))
        elif sent["template_id"] != TEMPLATE_ID:
            self._notify_error(400)
        elif self._is_met(what, one):
            answer = {
                "id": one.id,
                "reference": one.reference,
                "content": {"body": one.body, "from_number": "GOVUK"},
                "uri": f"http://{self.headers['Host']}/v2/notifications/{one.id}",
                "template": {"id": TEMPLATE_ID, "version": 1, "uri": ""},
            }
            self._answer(201, answer)

    def _notify_may(self) -> bool:
        try:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_iat": False})
        except jwt.InvalidTokenError:
            claims = {}
        if claims.get("iss") == SERVICE_ID and abs(time.time() - claims.get("iat", 0)) <= 30:
            return True
        self._notify_error(403)
        return False

    def _notification(self, one: Accepted) -> dict[str, Any]:
        return {"id": one.id, "reference": one.reference, "type": "sms", "status": "sending", "phone_number": one.to}

    def _notify_error(self, status: int) -> None:
        error, message = NOTIFY_ERRORS.get(status, ("Error", "Error"))
        self._answer(status, {"status_code": status, "errors": [{"error": error, "message": message}]})

    def _twilio_text(self, account: str, sent: dict[str, str]) -> None:
        wanted = base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}" or account != ACCOUNT_SID:
            self._twilio_error(401)
            return
        reference = urlsplit(sent["StatusCallback"]).path.strip("/").rpartition("/")[2]
        one = Accepted("SM" + uuid4().hex, reference, sent["To"], sent["Body"])
        what = self.post.behaviour()
        if what.isdigit():
            self._twilio_error(int(what))
        elif self._is_met(what, one):
            answer = {"sid": one.id, "status": "queued", "to": one.to, "from": sent["From"], "body": one.body}
            self._answer(201, answer | {"account_sid": account, "error_code": None, "num_segments": "1"})

    def _twilio_error(self, status: int) -> None:
        code, message = TWILIO_ERRORS.get(status, (status, "Error"))
        self._answer(status, {"code": code, "message": message, "more_info": "", "status": status})

    def _is_met(self, what: str, one: Accepted) -> bool:
        """Return whether an ordinary answer follows; ``one`` is taken unless the line is cut before."""
        time.sleep(self.post.late)
        if what != "cut":
            self.post.take(one)
        if what == "ok":
            return True
        if what == "500 taken":
            self._answer(500, {"status_code": 500, "errors": [], "message": "Internal server error"})
        elif what == "hang":
            self.post.hangs.wait(20)
        elif what == "dawdle":
            self._dawdle()
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        return False

    def _dawdle(self) -> None:
        """Each part comes well within a time-out; the answer itself never does."""
        with suppress(OSError):
            while not self.post.hangs.wait(0.05):
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answer(self, status: int, said: object) -> None:
        body = json.dumps(said).encode()
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


def server(post: Post, *, port: int = 0) -> ThreadingHTTPServer:
    """Return a server of both carriers, bound to this machine alone; it serves once it is told to."""
    handler = type("HandlerOfPost", (Handler,), {"post": post})
    made = ThreadingHTTPServer(("127.0.0.1", port), handler)
    made.daemon_threads = True
    return made


@contextmanager
def serving(settings: Any, carrier: str, **knobs: Any) -> Iterator[Post]:
    """A carrier listens here, and the settings choose it."""
    post = Post(**knobs)
    listening = server(post)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{listening.server_address[1]}"
    settings.TEXT_CARRIER = carrier
    settings.NOTIFY_BASE_URL = settings.TWILIO_BASE_URL = base
    settings.NOTIFY_API_KEY, settings.NOTIFY_TEMPLATE_ID = NOTIFY_KEY, TEMPLATE_ID
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = ACCOUNT_SID, AUTH_TOKEN
    settings.TWILIO_FROM = TWILIO_FROM
    try:
        yield post
    finally:
        post.hangs.set()
        listening.shutdown()
        listening.server_close()
        thread.join(5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--late", type=float, default=0, help="seconds before each answer")
    parser.add_argument("--fails", type=float, default=0, help="share answered 500, nothing taken")
    parser.add_argument("--drops", type=float, default=0, help="share taken, the line then cut")
    parser.add_argument("--stalls", type=float, default=0, help="share taken, never answered")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    post = Post(given.late, given.fails, given.drops, given.seed, given.stalls)
    listening = server(post, port=given.port)
    sys.stdout.write(json.dumps({"port": listening.server_address[1]}) + "\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        listening.serve_forever()


if __name__ == "__main__":
    main()
