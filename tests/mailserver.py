"""A mail server for tests: speaks SMTP over a socket, keeps what it is given, and refuses what it is told to."""

import socketserver
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailServer(socketserver.ThreadingTCPServer):
    """`got` are the mails; `refuses` maps an SMTP verb to the answer that it then gets; `logins` are what was shown."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.got: list[EmailMessage] = []
        self.refuses: dict[str, str] = {}
        self.logins: list[bytes] = []
        self.port = self.server_address[1]


class Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.say("220 mail.test")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(" ")[0].upper()
            if verb in self.server.refuses:
                self.say(self.server.refuses[verb])
            elif verb == "QUIT":
                self.say("221 bye")
                break
            else:
                self.answer(verb, line)

    def answer(self, verb: str, line: str) -> None:
        if verb == "EHLO":
            self.say("250-mail.test\r\n250 AUTH PLAIN")
        elif verb == "AUTH":
            self.server.logins.append(b64decode(line.split(" ")[-1]))
            self.say("235 welcome")
        elif verb == "DATA":
            self.say("354 go on")
            lines = iter(self.rfile.readline, b".\r\n")
            self.server.got.append(message_from_bytes(b"".join(lines), policy=policy.default))
            self.say("250 kept")
        else:
            self.say("250 fine")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()
