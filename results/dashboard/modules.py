"""The page's scripts, native ES modules, as one script for a file that needs no server.

From ``file://`` a browser loads no module, so a report holds one script: each module as a function
that returns what it exports, each after those that it imports. The modules keep to what this needs,
and anything else is an error: imports and exports stand at the start of a line, an export is a
function or a constant, and no import is circular.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

_IMPORT = re.compile(
    r'^import (?:\* as (?P<all>\w+)|\{(?P<names>[^}]*)\}) from "\./(?P<file>[\w-]+\.js)";\n', re.M
)
_EXPORT = re.compile(r"^export (?P<kind>const|function|async function) (?P<name>\w+)", re.M)
_ANY = re.compile(r"^(?:import|export)\b.*", re.M)
_RENAMED = re.compile(r"(\w+) as (\w+)")


class UnsupportedModule(ValueError):
    """A module's import or export has a form that a report cannot hold."""


def bundled(modules: Mapping[str, str], entry: str) -> str:
    """Return one script that does what the module ``entry`` does; ``modules`` are texts by name.

    Raises:
        UnsupportedModule: a module is missing or circular, or an import or export of another form.
    """
    return "".join(_as_function(name, modules[name]) for name in in_order(modules, entry))


def in_order(modules: Mapping[str, str], entry: str) -> list[str]:
    """Return the names of the modules that ``entry`` needs, itself last, each after its imports."""
    done: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise UnsupportedModule(f"circular imports: {' > '.join((*above, name))}")
        if name in done:
            return
        if name not in modules:
            raise UnsupportedModule(f"{above[-1] if above else 'the page'}: no module {name}")
        for imported in _IMPORT.finditer(modules[name]):
            visit(imported["file"], (*above, name))
        done.append(name)

    visit(entry, ())
    return done


def _as_function(name: str, text: str) -> str:
    exports = [found["name"] for found in _EXPORT.finditer(text)]
    body = _EXPORT.sub(lambda found: f"{found['kind']} {found['name']}", text)
    body = _IMPORT.sub(
        lambda found: f"const {_binding(found)} = {_variable(found['file'])};\n", body
    )
    other = _ANY.search(body)
    if other:
        raise UnsupportedModule(f"{name}: {other[0]}")
    result = f"return {{ {', '.join(exports)} }};"
    return f"const {_variable(name)} = (() => {{\n{body}{result}\n}})();\n"


def _binding(found: re.Match[str]) -> str:
    """Return the left side of the constant that an import becomes."""
    if found["all"]:
        return str(found["all"])
    return f"{{ {', '.join(_names(found['names']))} }}"


def _names(names: str) -> Iterator[str]:
    for name in filter(None, map(str.strip, names.split(","))):
        yield _RENAMED.sub(r"\1: \2", name)


def _variable(name: str) -> str:
    """Return the constant of the script that holds a module's exports."""
    return f"$_{PurePosixPath(name).stem.replace('-', '_')}"
