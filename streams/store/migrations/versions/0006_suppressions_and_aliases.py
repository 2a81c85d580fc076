"""People nobody writes to any more, and contacts whose key changed with the rules of reading

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "suppressions",
        sa.Column("contact_key", sa.String(length=64), primary_key=True),
        sa.Column("reason", sa.String(length=20), primary_key=True),
        sa.Column("time", sa.String(length=30), nullable=False),
    )
    op.create_table(
        "contact_aliases",
        sa.Column("alias", sa.String(length=64), primary_key=True),
        sa.Column("contact_key", sa.String(length=64), nullable=False),
    )
    op.create_index("contact_aliases_key", "contact_aliases", ["contact_key"])
