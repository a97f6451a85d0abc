"""The commands `afterglow instruments …`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from app import json_strict
from app.cli.auditing import audit
from app.cli.errors import fail, load_settings
from app.library import Instrument, Library, LibraryError
from app.library.files import read_json
from app.library.instruments import Texts
from app.library.questionnaire import QuestionnaireError, read_texts

cli = typer.Typer()
_instruments = typer.Typer(help="Manage the instruments (questionnaires) of assessments.", no_args_is_help=True)
cli.add_typer(_instruments, name="instruments")


@_instruments.command("list")
def list_instruments() -> None:
    """List the instruments. Each line has the number of items, and says whether the instrument has texts."""
    library = Library.from_settings(load_settings())
    try:
        for each in library.instruments():
            texts = f"with texts ({each.language})" if each.licence.text_included else "without texts"
            typer.echo(f"{each.code}, version {each.version}: {each.title}, {len(each.items)} items, {texts}")
    except LibraryError as error:
        fail("\n".join(error.lines))


@_instruments.command("add")
def add_texts(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A FHIR R4 Questionnaire, as JSON.", show_default=False)],
    *,
    instrument: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="The instrument, if the file does not say which.", show_default=False),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="The language, if the file does not say which.", show_default=False),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace texts that were added before.")] = False,
) -> None:
    """Add the texts of an instrument from a FHIR Questionnaire. Scores do not change.

    The questions of the file are matched with the items of the instrument by their LOINC codes, or by their order and
    the number of their answers. The texts are stored in the folder of AFTERGLOW_INSTRUMENTS. Add only texts whose
    owners allow you to use them. A running server shows new texts after a restart.
    """
    library = Library.from_settings(load_settings())
    try:
        if instrument is not None and instrument not in library.codes:
            fail(f"there is no instrument {instrument!a}: the codes are {', '.join(library.codes)}")
        found, texts = read_texts(read_json(file), library.instruments(), instrument, language)
    except LibraryError as error:
        fail("\n".join(error.lines))
    except QuestionnaireError as error:
        fail(f"{file}: {error}")
    path = library.texts_path(found)
    if path is None:
        fail("AFTERGLOW_INSTRUMENTS is not set: set it to a folder for your instruments and texts")
    _write(path, texts, replace=replace)
    audit("instruments add", instrument=found.code, version=found.version)
    typer.echo(f"{_summary(found, texts)} to {path}.")
    for number, (item, text) in enumerate(zip(found.items, texts.items, strict=True), 1):
        if text is None:
            typer.echo(f"Item {number} ({item.topic}) has no text: the file has no such question.")


def _write(path: Path, texts: Texts, *, replace: bool) -> None:
    """Write the texts of an instrument to a file, completely or not at all.

    Exit with an error line if the file exists and `replace` is false, or if the file cannot be written.
    """
    if path.exists() and not replace:
        fail(f"{path} exists: replace it with --replace")
    draft = path.with_suffix(f".{os.getpid()}.new")
    try:
        draft.write_bytes(json_strict.dump(texts.model_dump()) + b"\n")
        draft.replace(path)
    except OSError as error:
        fail(f"{path} cannot be written ({error.strerror})")


def _summary(instrument: Instrument, texts: Texts) -> str:
    items = sum(text is not None for text in texts.items)
    return (
        f"Added the texts of {instrument.code}, version {instrument.version} ({texts.language}): "
        f"{items} of {len(instrument.items)} items, {len(texts.options)} of {len(instrument.options)} lists of answers"
    )
