"""Initial schema: prompts and evaluations

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prompt_templates",
        sa.Column("name", sa.String(length=255), nullable=False, comment="名前（ワークスペース内で一意）"),
        sa.Column("description", sa.Text(), nullable=True, comment="説明"),
        sa.Column("template", sa.Text(), nullable=False, comment="テンプレート本文"),
        sa.Column("variables", sa.JSON(), server_default="[]", nullable=False, comment="変数定義"),
        sa.Column("category", sa.String(length=100), nullable=False, comment="カテゴリ"),
        sa.Column("usage_count", sa.Integer(), server_default="0", nullable=False, comment="使用回数"),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False, comment="行の版番号"),
        sa.Column("id", sa.String(length=36), nullable=False, comment="ID"),
        sa.Column(
            "workspace_id",
            sa.String(length=255),
            server_default="local",
            nullable=False,
            comment="ワークスペースID",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="作成日時",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="更新日時",
        ),
        sa.CheckConstraint("row_version >= 1", name=op.f("ck_prompt_templates_row_version")),
        sa.CheckConstraint("usage_count >= 0", name=op.f("ck_prompt_templates_usage_count")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_templates")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_prompt_templates_workspace_id_name")),
        comment="プロンプトテンプレート",
    )
    with op.batch_alter_table("prompt_templates", schema=None) as batch_op:
        batch_op.create_index(
            "idx_prompt_templates_category", ["workspace_id", "category", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "idx_prompt_templates_created_at", ["workspace_id", "created_at", "id"], unique=False
        )
        batch_op.create_index("idx_prompt_templates_usage_count", ["usage_count"], unique=False)

    op.create_table(
        "prompts",
        sa.Column("name", sa.String(length=255), nullable=False, comment="名前（ワークスペース内で一意）"),
        sa.Column("title", sa.String(length=255), nullable=False, comment="タイトル"),
        sa.Column("description", sa.Text(), nullable=True, comment="説明"),
        sa.Column("content", sa.Text(), nullable=False, comment="最新版の本文"),
        sa.Column("system_message", sa.Text(), nullable=True, comment="最新版のシステムメッセージ"),
        sa.Column("content_hash", sa.String(length=64), nullable=False, comment="最新版の内容ハッシュ"),
        sa.Column("tags", sa.JSON(), server_default="[]", nullable=False, comment="タグ"),
        sa.Column("meta_data", sa.JSON(), server_default="{}", nullable=False, comment="メタデータ"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False, comment="最新版の番号"),
        sa.Column("parent_id", sa.String(length=36), nullable=True, comment="派生元プロンプトID"),
        sa.Column("user_id", sa.String(length=255), nullable=False, comment="作成者ID"),
        sa.Column("status", sa.String(length=20), server_default="draft", nullable=False, comment="状態"),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False, comment="行の版番号"),
        sa.Column("id", sa.String(length=36), nullable=False, comment="ID"),
        sa.Column(
            "workspace_id",
            sa.String(length=255),
            server_default="local",
            nullable=False,
            comment="ワークスペースID",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="作成日時",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="更新日時",
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True, comment="削除日時"),
        sa.CheckConstraint("status IN ('draft', 'active', 'archived')", name=op.f("ck_prompts_status")),
        sa.CheckConstraint("row_version >= 1", name=op.f("ck_prompts_row_version")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_prompts_version")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["prompts.id"], name=op.f("fk_prompts_parent_id_prompts"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompts")),
        comment="プロンプト",
    )
    with op.batch_alter_table("prompts", schema=None) as batch_op:
        batch_op.create_index(
            "idx_prompts_created_at",
            ["workspace_id", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NULL"),
        )
        batch_op.create_index(
            "idx_prompts_deleted_at",
            ["workspace_id", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.create_index("idx_prompts_parent_id", ["parent_id"], unique=False)
        batch_op.create_index(
            "idx_prompts_status",
            ["workspace_id", "status", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NULL"),
        )
        batch_op.create_index("idx_prompts_user_id", ["user_id"], unique=False)
        batch_op.create_index(
            "uq_prompts_live_name",
            ["workspace_id", "name"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
        )

    op.create_table(
        "test_suites",
        sa.Column(
            "user_id", sa.String(length=255), server_default="local", nullable=False, comment="作成者ID"
        ),
        sa.Column("name", sa.String(length=255), nullable=False, comment="名前"),
        sa.Column("version", sa.Integer(), nullable=False, comment="版番号"),
        sa.Column("description", sa.Text(), nullable=True, comment="説明"),
        sa.Column(
            "threshold", sa.Float(), server_default="1.0", nullable=False, comment="合格に必要な通過率"
        ),
        sa.Column("case_count", sa.Integer(), nullable=False, comment="ケース数"),
        sa.Column("content_hash", sa.String(length=64), nullable=False, comment="内容ハッシュ"),
        sa.Column(
            "superseded_at", sa.DateTime(timezone=True), nullable=True, comment="新しい版に置き換えられた日時"
        ),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False, comment="行の版番号"),
        sa.Column("id", sa.String(length=36), nullable=False, comment="ID"),
        sa.Column(
            "workspace_id",
            sa.String(length=255),
            server_default="local",
            nullable=False,
            comment="ワークスペースID",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="作成日時",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="更新日時",
        ),
        sa.CheckConstraint("case_count >= 1", name=op.f("ck_test_suites_case_count")),
        sa.CheckConstraint("row_version >= 1", name=op.f("ck_test_suites_row_version")),
        sa.CheckConstraint("threshold BETWEEN 0 AND 1", name=op.f("ck_test_suites_threshold")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_test_suites_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_suites")),
        sa.UniqueConstraint(
            "workspace_id", "name", "version", name=op.f("uq_test_suites_workspace_id_name_version")
        ),
        comment="テストスイート（版ごとに不変）",
    )
    with op.batch_alter_table("test_suites", schema=None) as batch_op:
        batch_op.create_index(
            "idx_test_suites_created_at",
            ["workspace_id", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.create_index(
            "uq_test_suites_current_name",
            ["workspace_id", "name"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
        )

    op.create_table(
        "evaluations",
        sa.Column(
            "user_id", sa.String(length=255), server_default="local", nullable=False, comment="実行者ID"
        ),
        sa.Column("prompt_id", sa.String(length=36), nullable=False, comment="プロンプトID"),
        sa.Column(
            "prompt_version", sa.Integer(), server_default="1", nullable=False, comment="プロンプトの版番号"
        ),
        sa.Column("content_hash", sa.String(length=64), nullable=True, comment="評価した内容のハッシュ"),
        sa.Column("test_suite_id", sa.String(length=36), nullable=True, comment="テストスイートID"),
        sa.Column("suite_hash", sa.String(length=64), nullable=True, comment="テストスイートの内容ハッシュ"),
        sa.Column("status", sa.String(length=20), server_default="pending", nullable=False, comment="状態"),
        sa.Column("overall_score", sa.Float(), nullable=True, comment="総合スコア（0〜1）"),
        sa.Column(
            "threshold", sa.Float(), server_default="1.0", nullable=False, comment="合格に必要な通過率"
        ),
        sa.Column(
            "total", sa.Integer(), server_default="0", nullable=False, comment="予定件数（ケース×反復）"
        ),
        sa.Column("completed", sa.Integer(), server_default="0", nullable=False, comment="保存済み件数"),
        sa.Column("metrics", sa.JSON(none_as_null=True), nullable=True, comment="集計値"),
        sa.Column("execution_time_ms", sa.Integer(), nullable=True, comment="実行時間（ミリ秒）"),
        sa.Column("provider", sa.String(length=100), nullable=True, comment="プロバイダー"),
        sa.Column("model", sa.String(length=255), nullable=True, comment="モデル"),
        sa.Column("settings", sa.JSON(), server_default="{}", nullable=False, comment="実行設定"),
        sa.Column("error_message", sa.Text(), nullable=True, comment="エラー内容"),
        sa.Column("owner", sa.String(length=255), nullable=True, comment="実行中のプロセス"),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True, comment="実行権の期限"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True, comment="開始日時"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True, comment="終了日時"),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False, comment="行の版番号"),
        sa.Column("id", sa.String(length=36), nullable=False, comment="ID"),
        sa.Column(
            "workspace_id",
            sa.String(length=255),
            server_default="local",
            nullable=False,
            comment="ワークスペースID",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="作成日時",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="更新日時",
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_evaluations_status"),
        ),
        sa.CheckConstraint("completed >= 0", name=op.f("ck_evaluations_completed")),
        sa.CheckConstraint("execution_time_ms >= 0", name=op.f("ck_evaluations_execution_time_ms")),
        sa.CheckConstraint("overall_score BETWEEN 0 AND 1", name=op.f("ck_evaluations_overall_score")),
        sa.CheckConstraint("prompt_version >= 1", name=op.f("ck_evaluations_prompt_version")),
        sa.CheckConstraint("row_version >= 1", name=op.f("ck_evaluations_row_version")),
        sa.CheckConstraint("threshold BETWEEN 0 AND 1", name=op.f("ck_evaluations_threshold")),
        sa.CheckConstraint("total >= 0", name=op.f("ck_evaluations_total")),
        sa.ForeignKeyConstraint(
            ["prompt_id"], ["prompts.id"], name=op.f("fk_evaluations_prompt_id_prompts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["test_suite_id"],
            ["test_suites.id"],
            name=op.f("fk_evaluations_test_suite_id_test_suites"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluations")),
        comment="評価",
    )
    with op.batch_alter_table("evaluations", schema=None) as batch_op:
        batch_op.create_index(
            "idx_evaluations_created_at", ["workspace_id", "created_at", "id"], unique=False
        )
        batch_op.create_index("idx_evaluations_prompt_id", ["prompt_id", "created_at", "id"], unique=False)
        batch_op.create_index("idx_evaluations_provider_model", ["provider", "model"], unique=False)
        batch_op.create_index(
            "idx_evaluations_status", ["workspace_id", "status", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "idx_evaluations_test_suite_id", ["test_suite_id", "created_at", "id"], unique=False
        )

    op.create_table(
        "prompt_versions",
        sa.Column("prompt_id", sa.String(length=36), nullable=False, comment="プロンプトID"),
        sa.Column("version", sa.Integer(), nullable=False, comment="版番号"),
        sa.Column("content", sa.Text(), nullable=False, comment="本文"),
        sa.Column("system_message", sa.Text(), nullable=True, comment="システムメッセージ"),
        sa.Column("content_hash", sa.String(length=64), nullable=False, comment="内容ハッシュ"),
        sa.Column("user_id", sa.String(length=255), nullable=False, comment="作成者ID"),
        sa.Column("id", sa.String(length=36), nullable=False, comment="ID"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="作成日時",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="更新日時",
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_prompt_versions_version")),
        sa.ForeignKeyConstraint(
            ["prompt_id"],
            ["prompts.id"],
            name=op.f("fk_prompt_versions_prompt_id_prompts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_versions")),
        sa.UniqueConstraint("prompt_id", "version", name=op.f("uq_prompt_versions_prompt_id_version")),
        comment="プロンプトの版（不変）",
    )
    with op.batch_alter_table("prompt_versions", schema=None) as batch_op:
        batch_op.create_index("idx_prompt_versions_content_hash", ["prompt_id", "content_hash"], unique=False)

    op.create_table(
        "test_cases",
        sa.Column("suite_id", sa.String(length=36), nullable=False, comment="テストスイートID"),
        sa.Column("position", sa.Integer(), nullable=False, comment="スイート内の位置（0から）"),
        sa.Column("name", sa.String(length=255), nullable=False, comment="ケース名"),
        sa.Column("variables", sa.JSON(), server_default="{}", nullable=False, comment="入力変数"),
        sa.Column("expected", sa.Text(), nullable=True, comment="期待する出力"),
        sa.Column("threshold", sa.Float(), nullable=True, comment="合格に必要なスコア"),
        sa.Column("assertions", sa.JSON(), server_default="[]", nullable=False, comment="アサーション"),
        sa.Column("id", sa.String(length=36), nullable=False, comment="ID"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="作成日時",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="更新日時",
        ),
        sa.CheckConstraint("position >= 0", name=op.f("ck_test_cases_position")),
        sa.CheckConstraint("threshold BETWEEN 0 AND 1", name=op.f("ck_test_cases_threshold")),
        sa.ForeignKeyConstraint(
            ["suite_id"],
            ["test_suites.id"],
            name=op.f("fk_test_cases_suite_id_test_suites"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_cases")),
        sa.UniqueConstraint("suite_id", "name", name=op.f("uq_test_cases_suite_id_name")),
        sa.UniqueConstraint("suite_id", "position", name=op.f("uq_test_cases_suite_id_position")),
        comment="テストケース（不変）",
    )
    op.create_table(
        "test_results",
        sa.Column("evaluation_id", sa.String(length=36), nullable=False, comment="評価ID"),
        sa.Column("test_case_name", sa.String(length=255), nullable=False, comment="テストケース名"),
        sa.Column("position", sa.Integer(), nullable=True, comment="スイート内の位置（0から）"),
        sa.Column("repeat", sa.Integer(), server_default="1", nullable=False, comment="反復番号（1から）"),
        sa.Column("input_data", sa.JSON(), server_default="{}", nullable=False, comment="入力データ"),
        sa.Column("expected_output", sa.Text(), nullable=True, comment="期待する出力"),
        sa.Column("actual_output", sa.Text(), nullable=True, comment="実際の出力（回答がない場合は空）"),
        sa.Column("error_message", sa.Text(), nullable=True, comment="エラー内容"),
        sa.Column(
            "outcome",
            sa.String(length=20),
            server_default="failed",
            nullable=False,
            comment="結果（合格・不合格・エラー）",
        ),
        sa.Column("score", sa.Float(), nullable=False, comment="スコア（0〜1）"),
        sa.Column("passed", sa.Boolean(), nullable=False, comment="合否"),
        sa.Column(
            "assertions", sa.JSON(), server_default="[]", nullable=False, comment="アサーションごとの結果"
        ),
        sa.Column("latency_ms", sa.Float(), server_default="0", nullable=False, comment="応答時間（ミリ秒）"),
        sa.Column("attempts", sa.Integer(), server_default="1", nullable=False, comment="呼び出し回数"),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True, comment="入力トークン数"),
        sa.Column("completion_tokens", sa.Integer(), nullable=True, comment="出力トークン数"),
        sa.Column("token_count", sa.Integer(), nullable=True, comment="合計トークン数"),
        sa.Column("cost_usd", sa.Float(), nullable=True, comment="費用（米ドル）"),
        sa.Column("id", sa.String(length=36), nullable=False, comment="ID"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="作成日時",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"),
            nullable=False,
            comment="更新日時",
        ),
        sa.CheckConstraint(
            "outcome IN ('passed', 'failed', 'errored')", name=op.f("ck_test_results_outcome")
        ),
        sa.CheckConstraint("attempts >= 1", name=op.f("ck_test_results_attempts")),
        sa.CheckConstraint("completion_tokens >= 0", name=op.f("ck_test_results_completion_tokens")),
        sa.CheckConstraint("cost_usd >= 0", name=op.f("ck_test_results_cost_usd")),
        sa.CheckConstraint("latency_ms >= 0", name=op.f("ck_test_results_latency_ms")),
        sa.CheckConstraint("position >= 0", name=op.f("ck_test_results_position")),
        sa.CheckConstraint("prompt_tokens >= 0", name=op.f("ck_test_results_prompt_tokens")),
        sa.CheckConstraint("repeat >= 1", name=op.f("ck_test_results_repeat")),
        sa.CheckConstraint("score BETWEEN 0 AND 1", name=op.f("ck_test_results_score")),
        sa.CheckConstraint("token_count >= 0", name=op.f("ck_test_results_token_count")),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluations.id"],
            name=op.f("fk_test_results_evaluation_id_evaluations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_results")),
        sa.UniqueConstraint(
            "evaluation_id", "position", "repeat", name=op.f("uq_test_results_evaluation_id_position_repeat")
        ),
        comment="テスト結果",
    )
    with op.batch_alter_table("test_results", schema=None) as batch_op:
        batch_op.create_index(
            "idx_test_results_evaluation_id",
            ["evaluation_id", "outcome", "position", "repeat", "id"],
            unique=False,
        )
        batch_op.create_index("idx_test_results_latency_ms", ["evaluation_id", "latency_ms"], unique=False)
        batch_op.create_index("idx_test_results_passed", ["evaluation_id", "passed"], unique=False)
        batch_op.create_index("idx_test_results_score", ["evaluation_id", "score"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("test_results", schema=None) as batch_op:
        batch_op.drop_index("idx_test_results_score")
        batch_op.drop_index("idx_test_results_passed")
        batch_op.drop_index("idx_test_results_latency_ms")
        batch_op.drop_index("idx_test_results_evaluation_id")

    op.drop_table("test_results")
    op.drop_table("test_cases")
    with op.batch_alter_table("prompt_versions", schema=None) as batch_op:
        batch_op.drop_index("idx_prompt_versions_content_hash")

    op.drop_table("prompt_versions")
    with op.batch_alter_table("evaluations", schema=None) as batch_op:
        batch_op.drop_index("idx_evaluations_test_suite_id")
        batch_op.drop_index("idx_evaluations_status")
        batch_op.drop_index("idx_evaluations_provider_model")
        batch_op.drop_index("idx_evaluations_prompt_id")
        batch_op.drop_index("idx_evaluations_created_at")

    op.drop_table("evaluations")
    with op.batch_alter_table("test_suites", schema=None) as batch_op:
        batch_op.drop_index("uq_test_suites_current_name", sqlite_where=sa.text("superseded_at IS NULL"))
        batch_op.drop_index("idx_test_suites_created_at", sqlite_where=sa.text("superseded_at IS NULL"))

    op.drop_table("test_suites")
    with op.batch_alter_table("prompts", schema=None) as batch_op:
        batch_op.drop_index("uq_prompts_live_name", sqlite_where=sa.text("deleted_at IS NULL"))
        batch_op.drop_index("idx_prompts_user_id")
        batch_op.drop_index("idx_prompts_status", sqlite_where=sa.text("deleted_at IS NULL"))
        batch_op.drop_index("idx_prompts_parent_id")
        batch_op.drop_index("idx_prompts_deleted_at", sqlite_where=sa.text("deleted_at IS NOT NULL"))
        batch_op.drop_index("idx_prompts_created_at", sqlite_where=sa.text("deleted_at IS NULL"))

    op.drop_table("prompts")
    with op.batch_alter_table("prompt_templates", schema=None) as batch_op:
        batch_op.drop_index("idx_prompt_templates_usage_count")
        batch_op.drop_index("idx_prompt_templates_created_at")
        batch_op.drop_index("idx_prompt_templates_category")

    op.drop_table("prompt_templates")
