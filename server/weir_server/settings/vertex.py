"""Where does a project of Google's Vertex live, and who asks in its name?"""

from typing import Annotated

from pydantic import Field

from weir_server.settings.node import Node


class VertexSettings(Node):
    """One project at one location."""

    project: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9.:-]{0,61}[a-z0-9])?$")]
    """Identity or number of the project."""
    location: Annotated[str, Field(pattern=r"^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$")] = "global"
    """Such as `europe-west4`; `global`, `us` and `eu` leave the choice of a region to Google."""
    service_account_file: str | None = None
    """JSON key of a service account; tokens are fetched with it. Read again for each token, so a
    new key needs no reload. Unset: `api_key` says who asks."""
