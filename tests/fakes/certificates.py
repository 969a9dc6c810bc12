"""Which certificates can an upstream show? Good, expired, for another name, from a stranger.

authority = Authority()
async with FakeUpstream(tls=authority.server()) as upstream:
    ...                                       # a client with authority.client() trusts it
"""

import datetime as dt
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from weir_server.conformance import certificates
from weir_server.conformance.certificates import LOOPBACK_NAMES

_DAY = dt.timedelta(days=1)


class Authority(certificates.Authority):
    """An authority whose certificates are at hand as contexts of the ssl module."""

    def server(
        self, names: Sequence[str] = LOOPBACK_NAMES, *, expires_in: dt.timedelta = _DAY
    ) -> ssl.SSLContext:
        """Return a server's context with a certificate as `issue` makes it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate, key = self.issue(names, expires_in=expires_in)
        with tempfile.TemporaryDirectory() as folder:  # the ssl module reads files only
            path = Path(folder) / "chain.pem"
            path.touch(mode=0o600)
            path.write_text(certificate + key)
            context.load_cert_chain(path)
        return context

    def client(self) -> ssl.SSLContext:
        """Return a client's context that trusts this authority alone and checks the name."""
        return ssl.create_default_context(cadata=self.pem)
