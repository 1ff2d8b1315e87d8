"""What is the same for the engines of every database."""

import json
from typing import Any

from pydantic_core import from_json

ENGINE_OPTIONS: dict[str, Any] = {
    "json_deserializer": from_json,  # pydantic's, five times as fast as json.loads
    # Japanese stays readable, and half as long
    "json_serializer": json.JSONEncoder(ensure_ascii=False).encode,
    "hide_parameters": True,  # errors are logged, and parameters are people's texts
}
