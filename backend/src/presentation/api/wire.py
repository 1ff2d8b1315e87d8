"""What all schemas of requests, and of pages, have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

MAX_DESCRIPTION_LENGTH = 10_000
MAX_NUMBER = 2**31 - 1  # of versions: far beyond what anybody has, and within what a database column holds

# What `responses=` documents of routes that read a body, and of those that change one row.
BODY_ERRORS = (400, 413, 415, 422)
CHANGE_ERRORS = (400, 404, 409, 412, 428)


NextCursor = Annotated[
    str | None, Field(description="Send it as `cursor` for the next page; null on the last one.")
]


class RequestBody(BaseModel):
    """Unknown fields are refused, and nothing is converted: "1" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ChangeBody(RequestBody):
    """A body that names the fields to change, at least one."""

    @model_validator(mode="after")
    def _changes_something(self) -> "ChangeBody":
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_to_change", "Name at least one field to change")
        return self
