"""An index by which dead letters are listed and grouped without reading their records

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

GROUPS = ["status", "fingerprint", "action", "code", "failure_class", "first_time", "time", "id"]


def upgrade() -> None:
    """Go forward."""
    op.create_index("letters_groups", "letters", GROUPS, unique=False)
