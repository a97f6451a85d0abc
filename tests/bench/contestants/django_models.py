"""The models that django-ninja and Django REST framework share."""

from typing import Any

from django.db import models


class Json(models.TextField):
    """A column of PostgreSQL's type json, which Django has no field for."""

    def db_type(self, connection: Any) -> str:
        """Return the type."""
        return "json" if connection.vendor == "postgresql" else "text"


class Intention(models.Model):
    """An intention."""

    pk = models.CompositePrimaryKey("owner_id", "id")
    owner_id = models.UUIDField()
    id = models.UUIDField()
    seq = models.BigIntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    field_seq = Json(default="{}")
    visibility = models.CharField(max_length=20, default="private")
    kind = models.CharField(max_length=20)
    statement = models.CharField(max_length=2000)
    why = models.CharField(max_length=2000, null=True)
    session_id = models.UUIDField(null=True)
    element_id = models.UUIDField(null=True)
    derived_from_id = models.UUIDField(null=True)
    domain = models.CharField(max_length=20, null=True)
    status = models.CharField(max_length=20, default="active")
    achievement = models.CharField(max_length=20, null=True)
    target_on = models.DateField(null=True)

    class Meta:
        """The table exists already."""

        app_label, managed, db_table = "world", False, "intention"

    @property
    def version(self) -> int:
        """The version in a response."""
        return self.seq


class Feed(models.Model):
    """A feed."""

    owner_id = models.UUIDField(primary_key=True)
    head = models.BigIntegerField()

    class Meta:
        """The table exists already."""

        app_label, managed, db_table = "world", False, "feed"


class Change(models.Model):
    """A change."""

    pk = models.CompositePrimaryKey("owner_id", "collection", "id")
    owner_id = models.UUIDField()
    collection = models.CharField(max_length=20)
    id = models.UUIDField()
    seq = models.BigIntegerField()
    deleted = models.BooleanField(default=False)
    written_at = models.DateTimeField()
    actor_id = models.UUIDField()

    class Meta:
        """The table exists already."""

        app_label, managed, db_table = "world", False, "change"
