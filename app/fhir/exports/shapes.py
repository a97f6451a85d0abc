"""The manifest of a bulk export."""

from pydantic import BaseModel, Field

from app.clock import Instant
from app.fhir.exports import examples
from app.openapi import example


class ExportFile(BaseModel, defer_build=True, json_schema_extra=example(examples.FILE)):
    """A file of a bulk export."""

    type: str = Field(description="The type of the resources in the file; `Bundle` for the file of deletions.")
    url: str = Field(description="The URL of the file. Download it with an access token of the same client.")


class ExportManifest(BaseModel, defer_build=True, json_schema_extra=example(examples.MANIFEST)):
    """The manifest of a bulk export: the list of its files."""

    transaction_time: Instant = Field(
        alias="transactionTime", description="Send this as `_since` of the next export, so that no change is missed."
    )
    request: str = Field(description="The URL of the request that started the export.")
    requires_access_token: bool = Field(alias="requiresAccessToken", description="Always true.")
    output: list[ExportFile] = Field(description="The files of resources, one for each type that has any.")
    deleted: list[ExportFile] = Field(
        description="The file of deletions. Empty if there are no deletions, or no `_since`."
    )
    error: list[ExportFile] = Field(description="Always empty.")
    outcome: list[ExportFile] = Field(description="Always empty.")
