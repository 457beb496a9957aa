"""What all tables of model.toml have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Length = Annotated[int, Field(ge=1, le=4096)]


class Table(BaseModel):
    """A table that takes no unknown key and no number that is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
