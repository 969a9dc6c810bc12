"""Who is Weir to Azure, where no key is used? An application of Entra ID, with its secret."""

from typing import Annotated

from pydantic import Field, SecretStr

from weir_server.settings.node import Node

_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
ApiVersion = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")]


class AzureSettings(Node):
    """An application that may use the resource."""

    tenant_id: _Name
    """The directory: its id, or one of its domains."""
    client_id: _Name
    """The application's id."""
    client_secret: SecretStr
    """`${ENV_NAME}` or `file:/path`; a literal secret works, with a warning."""
    login_endpoint: str = "https://login.microsoftonline.com"
    """Where tokens are fetched; national clouds have others."""
    scope: str = "https://cognitiveservices.azure.com/.default"
    """What the token is for."""
