"""Django REST framework, after its documentation: serializers, a generic view set's parts, and simplejwt, under gunicorn."""

from typing import Any
from uuid import UUID, uuid4

from django.urls import path
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.bench.contestants import django_writing as writing
from tests.bench.contestants.django_models import Intention

KINDS = ["session", "integration"]
STATUSES = ["proposed", "active", "on-hold", "completed", "cancelled"]
DOMAINS = ["mind", "body", "spirit", "lifestyle", "relationships", "nature"]


class Outdated(APIException):
    """The version is not the current one."""

    status_code = status.HTTP_412_PRECONDITION_FAILED


class IntentionSerializer(serializers.ModelSerializer):
    """An intention, in and out."""

    id = serializers.UUIDField(default=uuid4)
    version = serializers.IntegerField(read_only=True)
    kind = serializers.ChoiceField(KINDS)
    status = serializers.ChoiceField(STATUSES, default="active")
    domain = serializers.ChoiceField(DOMAINS, allow_null=True, required=False)

    class Meta:
        """Its fields."""

        model = Intention
        fields = (
            "id version created_at updated_at visibility kind statement why session_id element_id derived_from_id domain "
            "status achievement target_on"
        ).split()
        read_only_fields = ("created_at", "updated_at")


class OpSerializer(serializers.Serializer):
    """One operation of a push."""

    op = serializers.ChoiceField(["upsert"])
    collection = serializers.ChoiceField(["intentions"])
    id = serializers.UUIDField()
    set = IntentionSerializer()


class PushSerializer(serializers.Serializer):
    """A push."""

    ops = OpSerializer(many=True, max_length=500)


class ChangeSerializer(serializers.Serializer):
    """A change, with its record."""

    collection = serializers.CharField()
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    deleted = serializers.BooleanField()
    record = IntentionSerializer()


class Newest(CursorPagination):
    """Pages, newest first."""

    ordering = ("-created_at", "-id")
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200

    def get_paginated_response(self, data: Any) -> Response:
        """Answer with a page."""
        return Response({"items": data, "next_cursor": self.get_next_link()})


def owner_of(request: Request) -> UUID:
    """Return the owner of the token."""
    return UUID(request.user.id)


class Intentions(APIView):
    """The list."""

    def get(self, request: Request) -> Response:
        """Read a page."""
        pages = Newest()
        rows = pages.paginate_queryset(Intention.objects.filter(owner_id=owner_of(request)), request, self)
        return pages.get_paginated_response(IntentionSerializer(rows, many=True).data)

    def post(self, request: Request) -> Response:
        """Write one."""
        draft = IntentionSerializer(data=request.data)
        draft.is_valid(raise_exception=True)
        values = draft.validated_data
        made = writing.create(owner_of(request), values.pop("id"), values)
        return Response(IntentionSerializer(made).data, 201, headers={"Location": f"/v1/intentions/{made.id}"})


class OneIntention(APIView):
    """One of them."""

    def get(self, request: Request, id: UUID) -> Response:
        """Read it."""
        found = Intention.objects.filter(owner_id=owner_of(request), id=id).first()
        if found is None:
            raise NotFound
        return Response(IntentionSerializer(found).data)

    def patch(self, request: Request, id: UUID) -> Response:
        """Change it."""
        patch = IntentionSerializer(data=request.data, partial=True)
        patch.is_valid(raise_exception=True)
        try:
            changed = writing.change(owner_of(request), id, patch.validated_data, request.headers.get("If-Match"))
        except Intention.DoesNotExist:
            raise NotFound from None
        except writing.Outdated:
            raise Outdated from None
        return Response(IntentionSerializer(changed).data)


class Changes(APIView):
    """What changed."""

    def get(self, request: Request) -> Response:
        """Read it."""
        since, limit = int(request.query_params.get("since", 0)), int(request.query_params.get("limit", 500))
        found = writing.changed(owner_of(request), since, limit)
        changes = [
            {
                "collection": change.collection,
                "id": row.id,
                "version": row.seq,
                "deleted": change.deleted,
                "record": row,
            }
            for change, row in found
        ]
        cursor = changes[-1]["version"] if changes else since
        shown = ChangeSerializer(changes, many=True).data
        return Response({"changes": shown, "cursor": cursor, "has_more": len(found) == limit})


class Push(APIView):
    """Several at once."""

    def post(self, request: Request) -> Response:
        """Write them."""
        sent = PushSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        sets = []
        for op in sent.validated_data["ops"]:
            op["set"].pop("id", None)
            sets.append((op["id"], op["set"]))
        rows = writing.push(owner_of(request), sets)
        shown = IntentionSerializer(rows, many=True).data
        results = [
            {
                "collection": "intentions",
                "id": row.id,
                "outcome": "applied",
                "status": 201,
                "version": row.seq,
                "record": each,
            }
            for row, each in zip(rows, shown, strict=True)
        ]
        return Response({"head": rows[-1].seq, "results": results})


urlpatterns = [
    path("v1/intentions", Intentions.as_view()),
    path("v1/intentions/<uuid:id>", OneIntention.as_view()),
    path("v1/sync/changes", Changes.as_view()),
    path("v1/sync/push", Push.as_view()),
]
