"""How is nginx made to answer a POST with a fixed file, cheaply and countably?

nginx refuses a POST to a static file with 405; `error_page 405 =200 $uri` turns the refusal
into the file. One process, no access log, connections that never age out.
"""

from collections.abc import Mapping
from pathlib import Path

UNARY_PATH = "/unary/v1/chat/completions"
BURST_PATH = "/burst/v1/chat/completions"
STATUS_PATH = "/status"

_CONFIG = """\
daemon off;
master_process off;
worker_processes 1;
pid {root}/nginx.pid;
error_log stderr warn;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    open_file_cache max=16;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {root}/answers;
        location = {status} {{ stub_status; }}
{locations}    }}
}}
"""

_LOCATION = """\
        location = {path} {{ default_type {kind}; error_page 405 =200 $uri; }}
"""


def write_site(root: Path, port: int, answers: Mapping[str, tuple[str, bytes]]) -> Path:
    """Lay out the files and the configuration under `root`; returns the configuration's path.

    `answers` gives each path its content type and its body.
    """
    locations = ""
    for path, (kind, body) in answers.items():
        file = root / "answers" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
        locations += _LOCATION.format(path=path, kind=kind)
    config = root / "nginx.conf"
    config.write_text(_CONFIG.format(root=root, port=port, status=STATUS_PATH, locations=locations))
    return config


def command(config: Path) -> tuple[str, ...]:
    """The command line that serves `config` in the foreground."""
    return ("nginx", "-p", str(config.parent), "-c", str(config), "-e", "stderr")
