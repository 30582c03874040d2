"""A gateway behind nginx as `deploy/nginx` has it, without TLS: by the network, or by a Unix socket on one machine."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CONFIGURATION = """
worker_processes 1; daemon off; pid {var}/nginx.pid; error_log {var}/nginx.err;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path {var}/nginx-body; proxy_temp_path {var}/nginx-proxy;
  fastcgi_temp_path {var}/nginx-fastcgi; uwsgi_temp_path {var}/nginx-uwsgi; scgi_temp_path {var}/nginx-scgi;
  upstream gateway {{ server {gateway}; keepalive 512; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096; keepalive_requests 100000000; keepalive_timeout 600s;
    location / {{
      proxy_pass http://gateway; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 1800s; proxy_next_upstream off;
    }}
  }}
}}
"""


@contextmanager
def nginx(var: Path, gateway: str) -> Iterator[int]:
    """Its port; `gateway` is `host:port` or `unix:/path`."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    file = var / "nginx.conf"
    file.write_text(CONFIGURATION.format(var=var, port=port, gateway=gateway))
    process = subprocess.Popen(["nginx", "-p", str(var), "-c", str(file)])
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nginx does not listen on {port}")
