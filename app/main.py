"""The application: routers, middleware and services, composed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app import docs, health, json_strict, library_routes, observability, openapi
from app.archive import import_routes
from app.archive import routes as archive
from app.calendar import routes as calendar
from app.clinics import token_routes as clinic_tokens
from app.composition import build_services
from app.consents import clinic_routes as clinic_connections
from app.consents import routes as consents
from app.db import open_database
from app.exchange import routes as exchange
from app.fhir import routes as fhir
from app.fhir.dialect import FHIR
from app.fhir.exports import routes as fhir_exports
from app.http import (
    BODY_BUDGET,
    HTTPS_ONLY,
    JSON,
    REQUEST_SHARES,
    AllowedOrigins,
    BodyBudget,
    CorsMiddleware,
    RequestContextMiddleware,
    Response,
    Route,
    Router,
)
from app.identity import email_routes, password_routes, second_factor_routes, security_routes
from app.identity import routes as identity
from app.keyring import Keyring, KeyringError, exposed_message
from app.keyring.watching import watch_keyring
from app.leaving import routes as leaving
from app.library import Library, LibraryError
from app.metrics import Counts, serve_snapshots
from app.records import history_router
from app.resources import RESOURCES
from app.server.in_flight import LIMITER, InFlightLimiter
from app.server.shutdown import drain_before_stop
from app.settings import Environment, Settings
from app.snapshot import Snapshots
from app.sync import routes as sync
from app.views import chain, inbox, search, timeline
from app.views.conditional import TAG as VIEWS
from app.views.progress import routes as progress
from app.views.today import routes as today
from app.webhooks import routes as webhooks

DESCRIPTION: Final = """
**Integration** is the work a person does after a session of ketamine therapy, so that what they lived through changes
something. This API keeps its chain, traceable in both directions:

`session → element → meaning → intention → action item → practice → practice entry → outcome`, with reflections, check-ins
and questionnaires along the way

**To try it**, start the server with `--demo`, open `POST /v1/auth/login` on the page `/docs` and press *Execute*: the
example signs in as the demo person, and every lock on the page closes. Then execute `GET /v1/sessions`.

**Good to know.** If the client chooses the record's id, sending the same draft again is safe. Every change names the
version that it was made from (`If-Match`), so that no edit is lost without a conflict being reported. A record of
another account looks exactly like one that does not exist. Every error is a problem document (RFC 9457); its `type` is
the URL of an explanation. For an app that works offline, see the tag Sync.
"""
TAGS: Final = [
    {
        "name": "Signing in",
        "description": "Register, verify an e-mail address, sign in on a device, refresh tokens, reset a password.",
    },
    {"name": "Account", "description": "The caller's own account."},
    *({"name": resource.tag, "description": resource.description} for resource in RESOURCES),
    {
        "name": "Sync",
        "description": "Offline delta sync: pull changes, push operations, resolve conflicts, follow change events.",
    },
    {
        "name": VIEWS,
        "description": "Read what the server computes from records of several kinds: what is due today, progress, the "
        "timeline, an inbox of records that wait for a next step, the chain before and after a record, and search "
        "results.",
    },
    {
        "name": calendar.TAG,
        "description": "Links by which a calendar app subscribes to practices, planned sessions and action items that are due.",
    },
    {
        "name": "Archive",
        "description": "Export all records of the account as a ZIP file, to keep, to read and to import again.",
    },
    {
        "name": consents.TAG,
        "description": "Decide what a clinic may see and add: look up its code, give, change and end consents, read every access.",
    },
    {
        "name": library_routes.TAG,
        "description": "Read the content that the server ships: instruments (questionnaires and their scoring rules), "
        "prompts, and help.",
    },
    {"name": "Security", "description": "List the devices of the account, sign them out, change the password."},
    {
        "name": clinic_tokens.TAG,
        "description": "A clinic's system requests access tokens (OAuth 2.0 client credentials with private_key_jwt).",
    },
    {
        "name": clinic_connections.TAG,
        "description": "A clinic's system invites patients, redeems their codes, pushes sessions, pulls what patients share, and gets a message "
        "when there are changes.",
    },
    {
        "name": fhir.TAG,
        "description": "Read, search and write the records that a clinic may see and add, as FHIR R4 resources.",
    },
    {"name": "Server", "description": "Check the health of the server, and explain problems."},
]


class Api(FastAPI):
    """The application. It completes the OpenAPI document that FastAPI generates."""

    _document: asyncio.Future[bytes] | None = None

    def openapi(self) -> openapi.Json:
        """Return the OpenAPI document. It is generated at the first call and then kept."""
        if self.openapi_schema is None:
            for route in [each for each in self.routes if isinstance(each, Route)]:
                route.declare()
            transitions = {
                shape.__name__: resource.status_changes
                for resource in RESOURCES
                for shape in (resource.public, resource.draft, resource.patch)
                if resource.status_changes
            }
            forms = {each.endpoint.__name__: each.form for each in self.routes if isinstance(each, Route) and each.form}
            self.openapi_schema = openapi.document(self, transitions, forms)
        return self.openapi_schema

    async def document(self) -> bytes:
        """Return the OpenAPI document as JSON. The first call generates it in a thread.

        This takes about a second, during which the event loop answers other requests.
        """
        if self._document is None:
            self._document = asyncio.ensure_future(asyncio.to_thread(lambda: json_strict.dump(self.openapi())))
        return await asyncio.shield(self._document)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request without FastAPI's telemetry, which would export data that our log lines never contain."""
        scope["app"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Return FastAPI's router, which runs the lifespan, wrapped in our middleware instead of FastAPI's."""
        app: ASGIApp = self.router
        for own in reversed(self.user_middleware):
            app = own.cls(app, *own.args, **own.kwargs)
        return app


def create_app(settings: Settings | None = None, metrics_folder: Path | None = None) -> Api:
    """Return the application. It opens the database and the keyring only when its lifespan starts.

    If `metrics_folder` is set, count requests, and serve the worker's metrics on a socket in that folder.
    """
    settings = settings or Settings()
    in_production = settings.env is Environment.PRODUCTION
    health_paths = tuple(route.path.partition("{")[0] for route in health.router.routes if isinstance(route, Route))
    origins = AllowedOrigins(settings.origins, local=settings.allows_local_origins)
    limiter = InFlightLimiter(
        settings.max_in_flight,
        settings.max_waiting,
        min_limit=4 * settings.database_pool,
        exempt=health_paths,
        headers=HTTPS_ONLY if in_production else {},
        origins=origins,
        root_path=settings.root_path,
        dialects=(FHIR,),
        max_unread_bytes=settings.max_unread_bytes,
        max_each=settings.max_in_flight_each,
    )

    counts = Counts()
    state = {LIMITER: limiter, REQUEST_SHARES: limiter.shares, BODY_BUDGET: BodyBudget(settings.max_arriving_bytes)}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
        db = open_database(settings)
        services = build_services(settings, db, _keyring(settings), limiter, counts)
        _check_library(services.library)
        await services.start()
        app.state.services = services
        snapshots = Snapshots(services)
        try:
            async with (
                serve_snapshots(metrics_folder, snapshots.counters, snapshots.snapshot),
                watch_keyring(services.keyring),
            ):
                with drain_before_stop(limiter, settings.drains_for):
                    yield state  # each connection reads the limiter from the state, and each request gets a copy
        finally:
            await services.stop()
            observability.flush()

    app = Api(
        title="Afterglow",
        version=version("afterglow"),
        summary="The API for ketamine therapy integration.",
        description=DESCRIPTION.strip(),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=TAGS,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    for router in (
        identity.auth,
        password_routes.router,
        second_factor_routes.auth,
        leaving.auth,
        identity.router,
        email_routes.router,
        *(router for resource in RESOURCES for router in (resource.router, history_router(resource))),
        library_routes.router,
        sync.router,
        today.router,
        progress.router,
        timeline.router,
        inbox.router,
        chain.router,
        search.router,
        calendar.router,
        calendar.calendars,
        archive.router,
        import_routes.router,
        consents.router,
        second_factor_routes.router,
        security_routes.router,
        leaving.router,
        clinic_tokens.router,
        clinic_tokens.discovery,
        clinic_connections.router,
        exchange.router,
        webhooks.router,
        fhir.discovery,
        fhir.router,
        fhir_exports.router,
        health.router,
        *(_pages(app) if settings.serves_docs else ()),
    ):
        app.router.routes.extend(router.routes)  # they are complete; `include_router` would build every route again
    app.user_middleware = [
        Middleware(
            RequestContextMiddleware, https_only=in_production, counts=None if metrics_folder is None else counts
        ),
        *([Middleware(CorsMiddleware, origins=origins)] if origins else []),
        Middleware(
            Router,
            routes=app.routes,
            max_body_bytes=settings.max_body_bytes,
            hosts=settings.served_hosts,
            any_host=health_paths,
            root_path=settings.root_path,
        ),
    ]
    return app


def _keyring(settings: Settings) -> Keyring:
    """Return the keyring. If it cannot be used, log the reason and raise `KeyringError`.

    The server has checked the keyring before it started, but a worker may start long after that.
    """
    try:
        keyring = Keyring(settings.keyring)
        if settings.env is Environment.PRODUCTION and not keyring.is_private:
            raise KeyringError(exposed_message(settings.keyring))  # noqa: TRY301 - to log it like any other reason
    except KeyringError as error:
        observability.log_event("keyring-refused", "error", reason=str(error))
        raise
    return keyring


def _check_library(library: Library) -> None:
    """Read the operator's files of instruments and help. If they have faults, log them and raise `LibraryError`.

    The server has checked them before it started, but a worker may start long after that.
    """
    faults = library.faults() if library.has_own_files else []
    if faults:
        observability.log_event("library-refused", "error", reason="; ".join(faults))
        raise LibraryError(faults)


def _pages(app: Api) -> tuple[APIRouter, APIRouter]:
    router = APIRouter(route_class=Route, include_in_schema=False)

    @router.get("/openapi.json")
    async def get_openapi_document() -> Response:
        """Return the OpenAPI document, which the docs pages render."""
        return Response(200, await app.document(), [JSON, (b"cache-control", b"no-cache")])

    return router, docs.router
