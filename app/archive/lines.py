"""The records of an archive during an import: lines of JSON in a temporary file, which can be read in any order."""

from array import array
from typing import Final, Self

from app.archive.encrypted_file import EncryptedFile
from app.problems import BadArchive

MAX_RECORDS: Final = 20_000


class Lines:
    """A list of byte strings in an encrypted temporary file. Only the positions of the strings are in memory.

    The file is closed at the end of a `with` block.
    """

    def __init__(self) -> None:
        """Create an empty list; raise `StorageFull` if the temporary file cannot be created."""
        self._file = EncryptedFile()
        self._ends = array("Q", [0])
        """The positions in the file at which the lines end. The first item is 0, where the first line begins."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close and delete the temporary file."""
        self._file.close()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def size_of(self, number: int) -> int:
        """Return the number of bytes of a line."""
        return self._ends[number + 1] - self._ends[number]

    def append(self, line: bytes) -> None:
        """Add a line. Raise `BadArchive` if there are already `MAX_RECORDS`, or `StorageFull` if the disk is full."""
        if len(self) == MAX_RECORDS:
            raise BadArchive("An archive may have at most 20000 records. Import it in parts.")
        self._file.append(line)
        self._ends.append(self._file.size)

    def __getitem__(self, number: int) -> bytes:
        return self._file.read(self._ends[number], self.size_of(number))
