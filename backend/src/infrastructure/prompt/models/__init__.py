"""Importing any model registers all of them, since relationships cross the contexts."""

from src.infrastructure.database import models as models
