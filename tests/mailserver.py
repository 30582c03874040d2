"""A mail server for tests: speaks SMTP over a socket, keeps what it is given, and refuses what it is told to.

With a certificate it speaks TLS: from the start, or from STARTTLS on.
"""

import socketserver
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

Tls = Literal["", "start", "starttls"]


class MailServer(socketserver.ThreadingTCPServer):
    """`got` are the mails; `refuses` maps an SMTP verb to the answer that it then gets; `logins` are what was shown,
    `heard` the verbs that came unencrypted."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, tls: Tls = "", certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.tls, self.context = tls, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if certificate is not None:
            self.context.load_cert_chain(certificate)
        self.heard: list[str] = []
        self.got: list[EmailMessage] = []
        self.refuses: dict[str, str] = {}
        self.logins: list[bytes] = []
        self.port = self.server_address[1]


class Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.plain = True
        try:
            if self.server.tls == "start":
                self.encrypt()
            self.talk()
        except OSError:  # a client that trusts no such certificate goes away
            pass

    def talk(self) -> None:
        self.say("220 mail.test")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(" ")[0].upper()
            if self.plain:
                self.server.heard.append(verb)
            if verb in self.server.refuses:
                self.say(self.server.refuses[verb])
            elif verb == "QUIT":
                self.say("221 bye")
                break
            elif verb == "STARTTLS":
                self.say("220 go on")
                self.encrypt()
            else:
                self.answer(verb, line)

    def encrypt(self) -> None:
        self.rfile.close()
        self.wfile.close()
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.plain = False
        self.setup()

    def finish(self) -> None:
        super().finish()
        self.request.close()  # the server knows the one from before the encryption

    def answer(self, verb: str, line: str) -> None:
        if verb == "EHLO":
            offered = "250-STARTTLS\r\n" if self.plain and self.server.tls == "starttls" else ""
            self.say(f"250-mail.test\r\n{offered}250 AUTH PLAIN")
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
def mail_server(tls: Tls = "", certificate: Path | None = None) -> Iterator[MailServer]:
    with MailServer(tls, certificate) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()
