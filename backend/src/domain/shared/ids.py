"""Ids that more than one context uses. All are UUIDs as text, but for the workspace, which is a name."""

from dataclasses import dataclass
from typing import NewType
from uuid import uuid4

PromptId = NewType("PromptId", str)
TemplateId = NewType("TemplateId", str)
SuiteId = NewType("SuiteId", str)
EvaluationId = NewType("EvaluationId", str)
WorkspaceId = NewType("WorkspaceId", str)
UserId = NewType("UserId", str)

LOCAL_WORKSPACE = WorkspaceId("local")
LOCAL_USER = UserId("local")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts, and in which workspace: every row and every query is scoped by it."""

    user_id: UserId = LOCAL_USER
    workspace_id: WorkspaceId = LOCAL_WORKSPACE


def new_id() -> str:
    return str(uuid4())
