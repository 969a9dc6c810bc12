"""What are all settings made of? Frozen nodes that know their keys, and the values they share."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
ProviderId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$")]


def _word_of_switch(value: object) -> object:
    """Give `on` and `off` back the words that YAML 1.1 reads as booleans."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value


Switch = Annotated[Literal["auto", "on", "off"], BeforeValidator(_word_of_switch)]


class Node(BaseModel):
    """A branch of the tree: frozen, and without keys that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
