"""The schema's history, as numbered migrations. This module is light: a start that does not migrate reads it, too."""

import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
HEAD: Final = max(
    path.name[:4] for path in (FOLDER / "versions").iterdir() if re.fullmatch(r"\d{4}_\w+\.py", path.name)
)
"""The number of the newest migration."""
