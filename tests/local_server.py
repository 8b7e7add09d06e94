"""An HTTP server on 127.0.0.1 that answers as told, records its requests, and misbehaves on demand."""

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    """A request; `url` is a path, or a whole address if the server was asked as a proxy."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """An answer; after `cut_after` bytes of the body the connection ends, or stands still until the server closes."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    stands_still: bool = False


def file_answer(content: bytes, **headers: str) -> Answer:
    """Answer with a file that can be fetched in parts, with an ETag that changes with its contents."""
    tag = f'"{hashlib.md5(content).hexdigest()}"'
    return Answer(200, content, {"ETag": tag, "Accept-Ranges": "bytes", **headers})


class LocalServer:
    """A server; open one with `serving`."""

    def __init__(self, respond: Callable[[Request], Answer]) -> None:
        self._respond = respond
        self._faults: list[tuple[str, Callable[[Callable[[], Answer]], Answer]]] = []
        self.requests: list[Request] = []
        self.left = threading.Event()
        self.url = ""

    def fail(self, part: str, status: int, times: int = 1, **headers: str) -> None:
        """Answer the next requests whose URL contains `part` with that status."""
        self._faults += [(part, lambda respond: Answer(status, b"{}", headers))] * times

    def cut(self, part: str, after: int, times: int = 1) -> None:
        """Cut the connections of the next requests whose URL contains `part` after so many bytes of the body."""
        self._faults += [(part, lambda respond: replace(respond(), cut_after=after))] * times

    def stand_still(self, part: str, after: int) -> None:
        """Like `cut`, but keep the connection open."""
        self._faults.append((part, lambda respond: replace(respond(), cut_after=after, stands_still=True)))

    def asked(self, part: str) -> list[Request]:
        """Return the requests so far whose URL contains `part`."""
        return [request for request in self.requests if part in request.url]

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        for fault in self._faults:
            part, change = fault
            if part in request.url:
                self._faults.remove(fault)
                return change(lambda: self._well(request))
        return self._well(request)

    def _well(self, request: Request) -> Answer:
        return _in_part(self._respond(request), request)


def _in_part(answer: Answer, request: Request) -> Answer:
    """Return the rest of a file from the requested byte on, unless the file has changed."""
    wanted = request.headers.get("range")
    if answer.status != 200 or "Accept-Ranges" not in answer.headers or wanted is None:
        return answer
    if request.headers.get("if-range", answer.headers["ETag"]) != answer.headers["ETag"]:
        return answer
    start = int(wanted.removeprefix("bytes=").removesuffix("-"))
    whole = len(answer.body)
    headers = {**answer.headers, "Content-Range": f"bytes {start}-{whole - 1}/{whole}"}
    return replace(answer, status=206, body=answer.body[start:], headers=headers)


@contextmanager
def nobody() -> Iterator[str]:
    """The URL of a port where nothing answers."""
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def serving(respond: Callable[[Request], Answer]) -> Iterator[LocalServer]:
    local = LocalServer(respond)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = local.answer(Request(self.command, self.path, headers, body))
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: answer.cut_after])
            if answer.stands_still:
                local.left.wait()
            self.close_connection = answer.cut_after is not None

        do_GET = do_HEAD = do_POST = do_PUT = _handle

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing to stderr."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Ignore clients that go away before the answer is complete."""

    with Server(("127.0.0.1", 0), Handler) as server:
        local.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield local
        finally:
            local.left.set()
            server.shutdown()
