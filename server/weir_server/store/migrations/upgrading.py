"""How are the tables brought up to date? Step by step, as Alembic does it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Take every step that this database has not taken."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def steps() -> list[str]:
    """Return all steps there are, in their order."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return [each.revision for each in scripts][::-1]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    # Alembic splits the paths of versions by this, and warns where it is not said.
    config.set_main_option("path_separator", "os")
    return config
