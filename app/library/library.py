"""Finds the files of the library, and reads each file when it is first needed."""

import re
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Self, TypeVar

from app.library.files import DATA, LibraryError, read_file
from app.library.follow_ups import FollowUps
from app.library.helplines import FALLBACK_LANGUAGE, HELP_FILE, HelpFile
from app.library.instruments import Instrument, Texts, with_texts
from app.library.prompts import Prompts
from app.settings import Settings

_file_name = re.compile(
    r"(?P<code>[a-z0-9]+(?:-[a-z0-9]+)*)\.(?P<version>[1-9][0-9]{0,3})(?P<texts>\.texts)?\.json"
).fullmatch
_prompts_name = re.compile(r"prompts\.(?P<language>[a-z]{2,3})\.(?P<set>[0-9]+)\.json").fullmatch
T = TypeVar("T")


class Library:
    """The instruments, prompts, helplines and rules for follow-ups of a server.

    A file is read when it is first needed, and its content is then kept in memory.
    """

    def __init__(self, folder: Path | None = None, help_file: Path | None = None) -> None:
        """Create a library; no file is read yet.

        `folder` is the operator's folder with instruments and texts, and `help_file` the operator's file of helplines.
        """
        self._folder, self._help_file = folder, help_file
        self._instruments: dict[tuple[str, int], Instrument] = {}
        self._prompts: dict[str, Prompts] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return a library that uses the operator's folder and file in the settings, if any."""
        return cls(settings.instruments, settings.help)

    @property
    def has_own_files(self) -> bool:
        """Whether the operator has a folder of instruments or a file of helplines."""
        return self._folder is not None or self._help_file is not None

    @cached_property
    def versions(self) -> dict[str, dict[int, Path]]:
        """The path of the file of each version of each instrument: by code, then by version, both in ascending order.

        Raise `LibraryError` if the operator's folder cannot be read, or has a version that comes with the server.
        """
        shipped, own = _files(DATA / "instruments"), _files(self._folder)
        twice = shipped.keys() & own.keys()
        if twice:
            raise LibraryError(
                f"{own[key]}: {key[0]}, version {key[1]}, is shipped and never changes: give it another code or version"
                for key in sorted(twice)
            )
        found: dict[str, dict[int, Path]] = {}
        for (code, version), path in sorted((shipped | own).items()):
            found.setdefault(code, {})[version] = path
        return found

    @cached_property
    def follow_ups(self) -> FollowUps:
        """The rules for follow-ups after a dosing session."""
        return read_file(FollowUps, DATA / "follow-ups.1.json")

    @cached_property
    def edition(self) -> tuple[object, ...]:
        """The versions of the English prompts, of the rules for follow-ups, and of each instrument.

        The ETags of computed views depend on this value.
        """
        instruments = tuple((code, *versions) for code, versions in self.versions.items())
        return self.prompts(FALLBACK_LANGUAGE).set, self.follow_ups.set, *instruments

    @property
    def codes(self) -> list[str]:
        """The codes of all instruments, such as `phq-9`, in alphabetical order."""
        return [*self.versions]

    def instrument(self, code: str, version: str | None = None) -> Instrument | None:
        """Return a version of an instrument, by default the newest; None if there is no such instrument or version.

        Raise `LibraryError` if the file of the instrument, or the file with its texts, cannot be used.
        """
        versions = self.versions.get(code, {})
        if version is not None and version not in map(str, versions):
            return None
        number = max(versions, default=None) if version is None else int(version)
        if number is None:
            return None
        key = code, number
        if key not in self._instruments:
            self._instruments[key] = self._read_instrument(code, number, versions[number])
        return self._instruments[key]

    def instruments(self) -> list[Instrument]:
        """Return the newest version of every instrument."""
        return [found for code in self.codes if (found := self.instrument(code)) is not None]

    def prompts(self, language: str) -> Prompts:
        """Return the prompts in a language (a BCP 47 tag), or those in English if there are none in the language."""
        spoken = language.partition("-")[0].lower()
        path = self._prompt_files.get(spoken)
        if path is None:
            spoken, path = FALLBACK_LANGUAGE, self._prompt_files[FALLBACK_LANGUAGE]
        if spoken not in self._prompts:
            self._prompts[spoken] = read_file(Prompts, path)
        return self._prompts[spoken]

    @cached_property
    def help(self) -> HelpFile:
        """The content of the operator's file of helplines, or else of the file that comes with the server.

        For each language in which the operator's file has no notice, the notice that comes with the server is added.
        """
        shipped = read_file(HelpFile, DATA / HELP_FILE)
        if self._help_file is None:
            return shipped
        try:
            own = read_file(HelpFile, self._help_file)
        except LibraryError as error:
            raise LibraryError(f"AFTERGLOW_HELP: {line}" for line in error.lines) from None
        return own.model_copy(update={"notice": shipped.notice | own.notice})

    def faults(self) -> list[str]:
        """Read and check all files of the operator; return a text for each fault: the path and the reason."""
        lines = _lines_of(lambda: self.help)
        if self._folder is None:
            return lines
        of_folder = _lines_of(lambda: self.versions)
        if of_folder:
            return lines + of_folder
        for code, versions in self.versions.items():
            for version in versions:
                lines += _lines_of(partial(self.instrument, code, str(version)))
        return lines + [f"{path}: {line}" for path, line in self._unused_files()]

    def texts_path(self, instrument: Instrument) -> Path | None:
        """Return the path in the operator's folder of the file with an instrument's texts; None if there is no folder.

        The file need not exist.
        """
        return self._folder and self._folder / f"{instrument.code}.{instrument.version}.texts.json"

    @cached_property
    def _prompt_files(self) -> dict[str, Path]:
        """The path of the newest file of prompts for each language, by the code of the language."""
        found = {path: match for path in DATA.iterdir() if (match := _prompts_name(path.name))}
        ordered = sorted(found.items(), key=lambda pair: int(pair[1]["set"]))
        return {match["language"]: path for path, match in ordered}

    def _read_instrument(self, code: str, version: int, path: Path) -> Instrument:
        instrument = read_file(Instrument, path)
        if (instrument.code, instrument.version) != (code, str(version)):
            raise LibraryError([f"{path}: its code and version have to be those in the name of the file"])
        texts_path = self.texts_path(instrument)
        if texts_path is None or not texts_path.exists():
            return instrument
        texts = read_file(Texts, texts_path)
        try:
            return with_texts(instrument, texts)
        except ValueError:
            raise LibraryError([f"{texts_path}: the texts do not fit the items and answers of {code}"]) from None

    def _unused_files(self) -> Iterator[tuple[Path, str]]:
        """Yield the path of each JSON file in the operator's folder that the library does not use, and the reason."""
        for path in sorted(self._folder.glob("*.json")) if self._folder is not None else ():
            match = _file_name(path.name)
            if match is None:
                yield path, "name an instrument CODE.VERSION.json, such as my-scale.1.json"
            elif match["texts"] and int(match["version"]) not in self.versions.get(match["code"], ()):
                yield path, "there is no instrument with this code and version"


def _files(folder: Path | None) -> dict[tuple[str, int], Path]:
    """Return the paths of the files of instruments in a folder, by code and version.

    Return an empty dictionary if `folder` is None. Raise `LibraryError` if the folder cannot be read.
    """
    if folder is None:
        return {}
    try:
        paths = [*folder.iterdir()]
    except OSError as error:
        raise LibraryError([f"AFTERGLOW_INSTRUMENTS: the folder {folder} cannot be read ({error.strerror})"]) from None
    matches = ((path, _file_name(path.name)) for path in paths)
    return {(match["code"], int(match["version"])): path for path, match in matches if match and not match["texts"]}


def _lines_of(read: Callable[[], T]) -> list[str]:
    try:
        read()
    except LibraryError as error:
        return [*error.lines]
    return []
