"""What people do about dead letters: edits beside the original, and jobs that replay many

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COLUMNS = (
    sa.Column("app_version", sa.String(length=50)),
    sa.Column("original_value", sa.LargeBinary()),
    sa.Column("edits", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("edited_at", sa.BigInteger()),
    sa.Column("job", sa.String(length=36)),
)
GROUPS = [
    "status",
    "fingerprint",
    "action",
    "code",
    "failure_class",
    "first_time",
    "time",
    "id",
    "app_version",
]


def upgrade() -> None:
    """Go forward."""
    for column in COLUMNS:
        op.add_column("letters", column)
    is_postgres = op.get_bind().dialect.name == "postgresql"
    as_json = "convert_from(headers, 'UTF8')::json" if is_postgres else "CAST(headers AS TEXT)"
    op.execute(f"UPDATE letters SET app_version = {as_json} ->> 'app_version'")  # noqa: S608 - no value in it
    op.drop_index("letters_groups", "letters")
    op.create_index("letters_groups", "letters", GROUPS)
    op.create_table(
        "replay_jobs",
        sa.Column("id", sa.String(length=36), primary_key=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("options", sa.LargeBinary(), nullable=False),
        sa.Column("plan_sha256", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=36), nullable=False),
    )
    op.create_index("replay_jobs_created_at", "replay_jobs", ["created_at"])
    op.create_table(
        "replay_job_items",
        sa.Column("job", sa.String(length=36), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True),
        sa.Column("letter_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("planned", sa.LargeBinary(), nullable=False),
        sa.Column("found", sa.Text()),
    )
    op.create_index("replay_job_items_state", "replay_job_items", ["job", "state", "position"])
