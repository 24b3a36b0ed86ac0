"""The page's JavaScript modules, joined into one script without renaming anything."""

import os
import re
from pathlib import Path

from invariance.record.artefacts import InputError

IMPORT = re.compile(r'^import \{[^}]*\} from "(\.[\w./-]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|let|class)\b)", re.MULTILINE)
NAME = re.compile(r"^(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)
LEFT_OVER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


def joined(entry: Path | str) -> str:
    """The text of a module and of all that it imports, each once and before what imports it.

    Imports and the word `export` are left out, so all modules share one scope.

    Raises:
        InputError: a module is missing, two modules define one name, or an import has another form than
            `import { names } from "./path.js";`.
    """
    texts: dict[Path, str] = {}
    add(Path(entry), texts)
    defined: dict[str, Path] = {}
    for path, text in texts.items():
        for name in NAME.findall(text):
            if name in defined:
                other = defined[name]
                raise InputError(f"{path}: {name} is defined in {other} too, and they share one scope; rename it")
            defined[name] = path
        if other := LEFT_OVER.search(text):
            raise InputError(f'{path}: {other[0]!r}; allowed: import {{ names }} from "./path.js"; or export function')
    return "\n".join(texts.values())


def add(path: Path, texts: dict[Path, str]) -> None:
    """Add the module at `path` behind those that it imports."""
    text = read(path).decode()
    for imported in IMPORT.findall(text):
        target = Path(os.path.normpath(path.parent / imported))
        if target not in texts:
            add(target, texts)
    texts[path] = EXPORT.sub("", IMPORT.sub("", text))


def read(path: Path) -> bytes:
    """A source of the page."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); put the page's source back") from None
