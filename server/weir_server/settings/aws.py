"""Who asks AWS, and where? A region, and the keys that requests are signed with."""

from typing import Annotated

from pydantic import Field, SecretStr, model_validator

from weir_server.settings.node import Node

Region = Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$")]


class AwsSettings(Node):
    """What a provider at AWS needs; without keys its `api_key` says who asks."""

    region: Region
    """Such as `eu-central-1`: it is part of the address and of every signature."""
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    """`${ENV_NAME}` or `file:/path`; a literal key works, with a warning."""
    session_token: SecretStr | None = None
    """Of temporary keys."""

    @model_validator(mode="after")
    def _is_whole(self) -> "AwsSettings":
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("set access_key_id and secret_access_key together, or neither")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token belongs to access_key_id and secret_access_key")
        return self
