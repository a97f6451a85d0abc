"""References in the OpenAPI document: the docs page replaces them itself, with the same result as Swagger UI."""

import json
from typing import Any

import pytest

from tests.browser import Visit
from tests.docs.swagger import open_docs
from tests.serving import Server
from tests.witness import DOCUMENT

RESOLVE = """
async ([plugin, path]) => {
  const spec = await (await fetch("/openapi.json")).json();
  const { references } = await import(plugin);
  const element = document.createElement("div");
  const found = await new Promise((resolve) => SwaggerUIBundle({
    spec: { openapi: "3.1.0", info: spec.info, paths: {} },
    domNode: element,
    plugins: [() => ({ afterLoad: (system) => resolve(system) })],
  }));
  const url = location.href;
  const options = { baseDoc: url, requestInterceptor: (each) => each, responseInterceptor: (each) => each };
  const { resolveSubtree } = references(url).fn;
  return [await resolveSubtree(spec, path), await found.getSystem().fn.resolveSubtree(spec, path, options)];
}
"""
ALL = """
async (plugin) => {
  const spec = await (await fetch("/openapi.json")).json();
  const { references } = await import(plugin);
  const { resolveSubtree } = references(location.href).fn;
  return (await resolveSubtree(spec, ["paths"])).spec;
}
"""
PLUGIN = "/docs/assets/references.js"


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/sync/push", "/fhir/{type}"])
def test_the_result_is_that_of_swagger_ui(docs_server: Server, visit: Visit, path: str) -> None:
    open_docs(visit, docs_server.url)
    ours, theirs = visit.page.evaluate(RESOLVE, [PLUGIN, ["paths", path, "post"]])
    assert theirs["errors"] == ours["errors"] == []
    assert "$$ref" in json.dumps(ours)
    assert ours["spec"] == theirs["spec"]


def test_every_reference_of_an_operation_is_replaced(docs_server: Server, visit: Visit) -> None:
    visit.page.goto(f"{docs_server.url}/docs")
    paths: dict[str, Any] = visit.page.evaluate(ALL, PLUGIN)
    assert paths.keys() == DOCUMENT.content["paths"].keys()
    assert '"$ref"' not in json.dumps(paths)
    assert '"$ref"' in json.dumps(DOCUMENT.content["paths"])
