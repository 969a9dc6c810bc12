"""Is each kind of provider that settings name one that can be made, and the other way round?"""

from typing import get_args

from weir_server.providers.formats.table import FORMATS
from weir_server.providers.making import KINDS
from weir_server.settings.kinds import REMOTE, Kind


def test_settings_name_what_can_be_made() -> None:
    """Every kind is known on both sides, and only those with an address are remote."""
    assert set(get_args(Kind)) == set(KINDS)
    assert set(FORMATS) <= set(REMOTE)
