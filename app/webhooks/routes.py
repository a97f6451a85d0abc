"""The routes by which a client of a clinic manages webhooks."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.clinics.calls import ClientCaller, ClientToken
from app.consents.clinic_routes import TAG
from app.http import Response, SecretRoute, json_response
from app.ids import Id
from app.openapi import problems
from app.problems import InsufficientScope, NotFound, TooManyWebhooks
from app.urls import public_url
from app.webhooks import registering
from app.webhooks.shapes import ChangedWebhook, Webhook, WebhookDraft, WebhookList, WebhookPatch, WebhookWithSecret

PATH = "/v1/clinic/webhooks"
router = APIRouter(prefix=PATH, tags=[TAG], route_class=SecretRoute)
MayCreate = Annotated[ClientCaller, Depends(ClientToken("Subscription", "c"))]
MayRead = Annotated[ClientCaller, Depends(ClientToken("Subscription", "r"))]
MayUpdate = Annotated[ClientCaller, Depends(ClientToken("Subscription", "u"))]
MayDelete = Annotated[ClientCaller, Depends(ClientToken("Subscription", "d"))]
MaySearch = Annotated[ClientCaller, Depends(ClientToken("Subscription", "s"))]


@router.post(
    "",
    status_code=201,
    response_model=WebhookWithSecret,
    responses=problems(InsufficientScope, TooManyWebhooks, signed_in=True, body=True),
    summary="Create a webhook",
)
async def create_webhook(call: MayCreate, draft: WebhookDraft) -> Response:
    """Register a URL that gets a signed message within about a second after a change for the clinic.

    The message contains no data of patients: pull the changes. Its format is that of Standard Webhooks. The secret is
    returned only here. If the clinic already has changes, the first message is sent at once. Needs
    `system/Subscription.c`.
    """
    webhook = await registering.create(call, draft.url)
    location = public_url(f"{PATH}/{webhook['id']}")
    return json_response(webhook, 201, [(b"location", location.encode())])


@router.get(
    "",
    response_model=WebhookList,
    responses=problems(InsufficientScope, signed_in=True),
    summary="List webhooks",
)
async def list_webhooks(call: MaySearch) -> Response:
    """Return the webhooks of the clinic, newest first, without their secrets. Needs `system/Subscription.s`."""
    return json_response({"items": await registering.webhooks(call)})


@router.get(
    "/{id:id}",
    response_model=Webhook,
    responses=problems(InsufficientScope, NotFound, signed_in=True),
    summary="Get a webhook",
)
async def get_webhook(call: MayRead, id: Id) -> Response:
    """Return a webhook, with the error of the latest attempt to send a message. Needs `system/Subscription.r`."""
    return json_response(await registering.find(call, id))


@router.patch(
    "/{id:id}",
    response_model=ChangedWebhook,
    responses=problems(InsufficientScope, NotFound, signed_in=True, body=True),
    summary="Change a webhook",
)
async def change_webhook(call: MayUpdate, id: Id, patch: WebhookPatch) -> Response:
    """Disable or enable a webhook (`status`), or replace its secret (`rotate_secret`). Send only one member.

    The server disables a webhook that has failed for five days, or whose receiver responds 410. Needs
    `system/Subscription.u`.
    """
    return json_response(await registering.change(call, id, patch))


@router.delete(
    "/{id:id}",
    status_code=204,
    responses=problems(InsufficientScope, NotFound, signed_in=True),
    summary="Delete a webhook",
)
async def remove_webhook(call: MayDelete, id: Id) -> Response:
    """Delete a webhook. If it was already deleted, the response is 404. Needs `system/Subscription.d`."""
    await registering.delete(call, id)
    return Response(204)
