"""Pauses of steps and cancelled runs

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "pauses",
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("holder", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paused_by", sa.String(length=200), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("next_probe", sa.BigInteger(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("step", "holder", "kind"),
    )
    op.create_table(
        "cancellations",
        sa.Column("correlation_id", sa.String(length=36), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cancelled_by", sa.String(length=200), nullable=False),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("correlation_id"),
    )
    op.create_index("cancellations_at", "cancellations", ["cancelled_at"], unique=False)
