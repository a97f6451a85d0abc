"""consents, invitations, the patients of clinics, and the log of accesses."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

MOMENT = sa.DateTime(timezone=True)
LIVE = sa.text("status <> 'inactive'")


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "access",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid()),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("collection", sa.String(), nullable=False),
        sa.Column("ids", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("request_id", sa.String()),
        sa.CheckConstraint(
            "action IN ('read', 'export', 'write', 'connect', 'change', 'end')", name=op.f("ck_access_action_known")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name=op.f("fk_access_client_id")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_access_clinic_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["feed.owner_id"], name=op.f("fk_access_owner_id")),
        sa.PrimaryKeyConstraint("owner_id", "id", name=op.f("pk_access")),
    )
    op.create_table(
        "invitation",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code_mac", sa.LargeBinary(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("asks", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_by", sa.Uuid()),
        sa.Column("used_at", MOMENT),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_invitation_clinic_id")),
        sa.ForeignKeyConstraint(["used_by"], ["feed.owner_id"], name=op.f("fk_invitation_used_by")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("code_mac", name=op.f("uq_invitation_code_mac")),
    )
    op.create_index(op.f("ix_invitation_clinic_id_created_at_id"), "invitation", ["clinic_id", "created_at", "id"])
    op.create_index(op.f("ix_invitation_used_by"), "invitation", ["used_by"])

    op.create_table(
        "patient",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_patient_clinic_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["feed.owner_id"], name=op.f("fk_patient_owner_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_patient")),
        sa.UniqueConstraint("clinic_id", "owner_id", name=op.f("uq_patient_clinic_id_owner_id")),
    )
    op.create_index(op.f("ix_patient_owner_id"), "patient", ["owner_id"])

    op.create_table(
        "consent",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("shares", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("receives", sa.Boolean(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("name", sa.String()),
        sa.Column("until", MOMENT),
        sa.Column("code_mac", sa.LargeBinary()),
        sa.Column("code_expires_at", MOMENT),
        sa.Column("ends_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("ended_by", sa.String()),
        sa.CheckConstraint(
            "ended_by IN ('patient', 'clinic', 'expiry', 'operator', 'restore')", name=op.f("ck_consent_ended_by_known")
        ),
        sa.CheckConstraint("purpose IN ('treatment', 'research')", name=op.f("ck_consent_purpose_known")),
        sa.CheckConstraint("status IN ('proposed', 'active', 'inactive')", name=op.f("ck_consent_status_known")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_consent_clinic_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_consent_clinic_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["feed.owner_id"], name=op.f("fk_consent_owner_id")),
        sa.PrimaryKeyConstraint("owner_id", "id", name=op.f("pk_consent")),
        sa.UniqueConstraint("code_mac", name=op.f("uq_consent_code_mac")),
    )
    op.create_index(
        op.f("ix_consent_clinic_id_created_at_patient_id"), "consent", ["clinic_id", "created_at", "patient_id"]
    )
    op.create_index(op.f("ix_consent_ends_at"), "consent", ["ends_at"])
    op.create_index(
        op.f("ix_consent_owner_id_clinic_id"),
        "consent",
        ["owner_id", "clinic_id"],
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.create_index(op.f("ix_consent_owner_id_created_at_id"), "consent", ["owner_id", "created_at", "id"])

    op.create_table(
        "patient_identifier",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            ["patient.clinic_id", "patient.id"],
            name=op.f("fk_patient_identifier_clinic_id_patient_id"),
        ),
        sa.PrimaryKeyConstraint("clinic_id", "system", "value", name=op.f("pk_patient_identifier")),
    )
    op.create_index(
        op.f("ix_patient_identifier_clinic_id_patient_id"), "patient_identifier", ["clinic_id", "patient_id"]
    )

    op.add_column("feed", sa.Column("consents", sa.Integer()))
    op.execute("UPDATE feed SET consents = 0")
    with op.batch_alter_table("feed") as batch:
        batch.alter_column("consents", existing_type=sa.Integer(), nullable=False)


def downgrade() -> None:
    """Undo the change."""
    op.drop_column("feed", "consents")
    for table in ("patient_identifier", "consent", "patient", "invitation", "access"):
        op.drop_table(table)
