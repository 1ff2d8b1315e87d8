"""The OpenAPI document as it is kept beside the tests. `python -m tests.contract.refresh_openapi` writes it anew."""

import json
import tempfile
from pathlib import Path

from src.bootstrap import Container
from src.core.config.settings.base import load_settings
from src.main import create_app

SNAPSHOT = Path(__file__).with_name("openapi.json")


def openapi_text() -> str:
    """The document of the application as it is now, whatever this machine's settings are."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(app_env="local", database_url=f"sqlite:///{folder}/unused.db")
        document = create_app(container=Container(settings)).openapi()
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SNAPSHOT.write_text(openapi_text(), encoding="utf-8")
