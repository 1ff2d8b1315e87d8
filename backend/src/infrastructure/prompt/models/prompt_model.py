"""Tables of the prompt context, and how their rows become aggregates and back."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from src.domain.prompt.prompt import Prompt, PromptContent, PromptStatus, PromptVersion, content_hash
from src.domain.prompt.template import PromptTemplate, TemplateVariable, VariableType
from src.domain.shared.ids import PromptId, TemplateId, UserId, WorkspaceId, new_id
from src.domain.shared.placeholders import JsonValue
from src.infrastructure.shared.database.base import (
    Base,
    IdMixin,
    SoftDeleteMixin,
    TimestampMixin,
    WorkspaceMixin,
    one_of,
)

if TYPE_CHECKING:
    from src.infrastructure.evaluation.models.evaluation_model import EvaluationModel


def _hash_of_row(context: DefaultExecutionContext) -> str:
    row: dict[str, Any] = context.get_current_parameters()  # type: ignore[no-untyped-call]
    return content_hash(row["content"], row.get("system_message"))


_LIVE = text("deleted_at IS NULL")  # lists of live prompts never walk over deleted ones


class PromptModel(Base, IdMixin, WorkspaceMixin, TimestampMixin, SoftDeleteMixin):
    """A prompt with its head version."""

    __tablename__ = "prompts"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("row_version >= 1", name="row_version"),
        one_of("status", PromptStatus),
        Index("uq_prompts_live_name", "workspace_id", "name", unique=True, sqlite_where=_LIVE),
        Index("idx_prompts_user_id", "user_id"),
        Index("idx_prompts_status", "workspace_id", "status", "created_at", "id", sqlite_where=_LIVE),
        Index("idx_prompts_created_at", "workspace_id", "created_at", "id", sqlite_where=_LIVE),
        Index(
            "idx_prompts_deleted_at",
            "workspace_id",
            "created_at",
            "id",
            sqlite_where=text("deleted_at IS NOT NULL"),
        ),
        Index("idx_prompts_parent_id", "parent_id"),
        {"comment": "プロンプト"},
    )

    name: Mapped[str] = mapped_column(
        String(255), default=lambda: f"prompt-{new_id()}", comment="名前（ワークスペース内で一意）"
    )
    title: Mapped[str] = mapped_column(String(255), comment="タイトル")
    description: Mapped[str | None] = mapped_column(Text, comment="説明")
    content: Mapped[str] = mapped_column(Text, comment="最新版の本文")
    system_message: Mapped[str | None] = mapped_column(Text, comment="最新版のシステムメッセージ")
    content_hash: Mapped[str] = mapped_column(
        String(64), default=_hash_of_row, comment="最新版の内容ハッシュ"
    )
    tags: Mapped[Sequence[str]] = mapped_column(JSON, default=list, server_default="[]", comment="タグ")
    meta_data: Mapped[Mapping[str, JsonValue]] = mapped_column(
        JSON, default=dict, server_default="{}", comment="メタデータ"
    )
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1", comment="最新版の番号")
    parent_id: Mapped[str | None] = mapped_column(
        String(36), ForeignKey("prompts.id", ondelete="SET NULL"), comment="派生元プロンプトID"
    )
    user_id: Mapped[str] = mapped_column(String(255), comment="作成者ID")
    status: Mapped[str] = mapped_column(
        String(20), default=PromptStatus.DRAFT.value, server_default="draft", comment="状態"
    )
    row_version: Mapped[int] = mapped_column(Integer, default=1, server_default="1", comment="行の版番号")

    evaluations: Mapped[list["EvaluationModel"]] = relationship(viewonly=True, lazy="select")

    __mapper_args__ = {"version_id_col": row_version}


class PromptVersionModel(Base, IdMixin, TimestampMixin):
    """One version of a prompt. Rows are only ever added."""

    __tablename__ = "prompt_versions"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version"),
        UniqueConstraint("prompt_id", "version"),
        Index("idx_prompt_versions_content_hash", "prompt_id", "content_hash"),
        {"comment": "プロンプトの版（不変）"},
    )

    prompt_id: Mapped[str] = mapped_column(
        String(36), ForeignKey("prompts.id", ondelete="CASCADE"), comment="プロンプトID"
    )
    version: Mapped[int] = mapped_column(Integer, comment="版番号")
    content: Mapped[str] = mapped_column(Text, comment="本文")
    system_message: Mapped[str | None] = mapped_column(Text, comment="システムメッセージ")
    content_hash: Mapped[str] = mapped_column(String(64), comment="内容ハッシュ")
    user_id: Mapped[str] = mapped_column(String(255), comment="作成者ID")


class PromptTemplateModel(Base, IdMixin, WorkspaceMixin, TimestampMixin):
    __tablename__ = "prompt_templates"
    __table_args__ = (
        CheckConstraint("usage_count >= 0", name="usage_count"),
        CheckConstraint("row_version >= 1", name="row_version"),
        UniqueConstraint("workspace_id", "name"),
        Index("idx_prompt_templates_category", "workspace_id", "category", "created_at", "id"),
        Index("idx_prompt_templates_created_at", "workspace_id", "created_at", "id"),
        Index("idx_prompt_templates_usage_count", "usage_count"),
        {"comment": "プロンプトテンプレート"},
    )

    name: Mapped[str] = mapped_column(String(255), comment="名前（ワークスペース内で一意）")
    description: Mapped[str | None] = mapped_column(Text, comment="説明")
    template: Mapped[str] = mapped_column(Text, comment="テンプレート本文")
    variables: Mapped[list[dict[str, JsonValue]]] = mapped_column(
        JSON, default=list, server_default="[]", comment="変数定義"
    )
    category: Mapped[str] = mapped_column(String(100), comment="カテゴリ")
    usage_count: Mapped[int] = mapped_column(Integer, default=0, server_default="0", comment="使用回数")
    row_version: Mapped[int] = mapped_column(Integer, default=1, server_default="1", comment="行の版番号")

    __mapper_args__ = {"version_id_col": row_version}

    def to_domain(self) -> PromptTemplate:
        return PromptTemplate(
            id=TemplateId(self.id),
            workspace_id=WorkspaceId(self.workspace_id),
            name=self.name,
            description=self.description,
            template=self.template,
            variables=tuple(_variable(entry) for entry in self.variables),
            category=self.category,
            usage_count=self.usage_count,
            created_at=self.created_at,
            updated_at=self.updated_at,
            row_version=self.row_version,
        )

    def write(self, template: PromptTemplate) -> None:
        """All but the usage count, which `count_use` alone changes."""
        self.id = template.id
        self.workspace_id = template.workspace_id
        self.name = template.name
        self.description = template.description
        self.template = template.template
        self.variables = [_variable_entry(variable) for variable in template.variables]
        self.category = template.category
        self.created_at = template.created_at
        self.updated_at = template.updated_at


def _variable(entry: Mapping[str, Any]) -> TemplateVariable:
    return TemplateVariable(
        name=entry["name"],
        type=VariableType(entry.get("type", "string")),
        required=entry.get("required", True),
        default=entry.get("default"),
        description=entry.get("description"),
    )


def _variable_entry(variable: TemplateVariable) -> dict[str, JsonValue]:
    return {
        "name": variable.name,
        "type": variable.type.value,
        "required": variable.required,
        "default": variable.default,
        "description": variable.description,
    }


def prompt_row(prompt: Prompt) -> dict[str, Any]:
    """All columns of `prompts` but `row_version`, which the repository counts."""
    return {
        "id": prompt.id,
        "workspace_id": prompt.workspace_id,
        "user_id": prompt.user_id,
        "name": prompt.name,
        "title": prompt.title,
        "description": prompt.description,
        "content": prompt.content.text,
        "system_message": prompt.content.system_message,
        "content_hash": prompt.content_hash,
        "tags": list(prompt.tags),
        "meta_data": prompt.metadata,
        "version": prompt.version,
        "status": prompt.status.value,
        "created_at": prompt.created_at,
        "updated_at": prompt.updated_at,
        "parent_id": prompt.parent_id,
        "deleted_at": prompt.deleted_at,
    }


def prompt_of(row: Any) -> Prompt:
    """`row` has the columns of `prompts`."""
    return Prompt(
        id=PromptId(row.id),
        workspace_id=WorkspaceId(row.workspace_id),
        user_id=UserId(row.user_id),
        name=row.name,
        title=row.title,
        description=row.description,
        content=PromptContent(row.content, row.system_message),
        content_hash=row.content_hash,
        tags=tuple(row.tags),
        metadata=row.meta_data,
        version=row.version,
        status=PromptStatus(row.status),
        created_at=row.created_at,
        updated_at=row.updated_at,
        parent_id=row.parent_id,
        deleted_at=row.deleted_at,
        row_version=row.row_version,
    )


def version_row(prompt_id: str, entry: PromptVersion) -> dict[str, Any]:
    return {
        "id": new_id(),
        "prompt_id": prompt_id,
        "version": entry.version,
        "content": entry.content.text,
        "system_message": entry.content.system_message,
        "content_hash": entry.content_hash,
        "user_id": entry.user_id,
        "created_at": entry.created_at,
        "updated_at": entry.created_at,
    }


def version_of(row: Any) -> PromptVersion:
    """`row` has the columns of `prompt_versions`, or of `prompts`, whose head reads as a version."""
    return PromptVersion(
        version=row.version,
        content=PromptContent(row.content, row.system_message),
        content_hash=row.content_hash,
        user_id=UserId(row.user_id),
        created_at=row.created_at,
    )
