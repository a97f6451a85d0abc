"""The routes of an account's security: its devices and its password.

These routes sign devices out. They come last in the OpenAPI document, so that its examples can be executed from top to
bottom.
"""

from fastapi import APIRouter

from app.http import Response, SecretRoute, json_response
from app.identity import audit, changing_password, device_sessions
from app.identity.audit import Event
from app.identity.buckets import of_client, of_device
from app.identity.caller import Call
from app.identity.networks import Network
from app.identity.shapes import DeviceList, PasswordDraft
from app.identity.throttles import rate_limited
from app.ids import Id
from app.openapi import problems
from app.problems import NotFound, TooManyAttempts, WrongCredentials

router = APIRouter(prefix="/v1/auth", tags=["Security"], route_class=SecretRoute)


@router.get("/devices", response_model=DeviceList, responses=problems(signed_in=True), summary="List signed-in devices")
async def list_devices(call: Call) -> Response:
    """Return the devices that are signed in, newest first."""
    devices = await device_sessions.signed_in_devices(call.db, call.services.settings, call.account_id)
    return json_response({"items": [each | {"current": each["id"] == call.device_id} for each in devices]})


@router.delete(
    "/devices/{id:id}", status_code=204, responses=problems(NotFound, signed_in=True), summary="Sign out a device"
)
async def end_device(call: Call, network: Network, id: Id) -> Response:
    """Sign out one device. Its tokens are refused from the next request on.

    If the device is already signed out, the response is 404.
    """
    if not await device_sessions.end_device(call.db, call.account_id, id):
        raise NotFound
    audit.record(call.services, Event.DEVICE_ENDED, call.account_id, network, device_id=id)
    return Response(204)


@router.post(
    "/password",
    status_code=204,
    responses=problems(WrongCredentials, TooManyAttempts, signed_in=True, body=True),
    summary="Change the password",
)
async def change_password(call: Call, network: Network, draft: PasswordDraft) -> Response:
    """Set a new password. Every other device is signed out; this one stays signed in.

    The example sets the demo person's password again, so that the example of `POST /v1/auth/login` stays valid.
    """
    await changing_password.check_new(call, draft)
    async with rate_limited(call.services, of_device(call.services, call.device_id), of_client(call.services, network)):
        await changing_password.change(call, network, draft)
    return Response(204)


@router.post("/logout", status_code=204, responses=problems(signed_in=True), summary="Sign out this device")
async def logout(call: Call, network: Network) -> Response:
    """Sign this device out. Its tokens are refused from the next request on."""
    await device_sessions.end_device(call.db, call.account_id, call.device_id)
    audit.record(call.services, Event.DEVICE_ENDED, call.account_id, network, device_id=call.device_id)
    return Response(204)


@router.post("/logout-all", status_code=204, responses=problems(signed_in=True), summary="Sign out every device")
async def logout_all(call: Call, network: Network) -> Response:
    """Sign out every device of the account, including this one."""
    async with call.db.transaction() as tx:
        await device_sessions.end_devices(tx, call.account_id)
    audit.record(call.services, Event.DEVICES_ENDED, call.account_id, network)
    return Response(204)
