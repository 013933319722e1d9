"""The data files of the package: schemas, profiles and suites, out of a wheel or out of a checkout.

A wheel carries the folders inside the package; a checkout and an editable install have them beside `src/`. The package
folder is asked first. An editable install can leave copies of the folders in site-packages. They are never inside the
package that is imported, so they are never read.
"""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


class ResourceError(LookupError):
    """A data file that the package should carry is not there."""


def path(name: str) -> Path:
    """The file or folder called `name`, such as `schemas/response.json` or `suites`."""
    top, _, rest = name.partition("/")
    found = _home(top) / top / rest if rest else _home(top) / top
    if not found.exists():
        raise ResourceError(f"{name!r} is not in {found.parent}: is the name misspelt, or the installation incomplete?")
    return found


def text(name: str) -> str:
    """The contents of the file called `name`, read as UTF-8."""
    return path(name).read_text(encoding="utf-8")


def names(folder: str, suffix: str) -> tuple[str, ...]:
    """The files below `folder` that end in `suffix`: relative to it, with forward slashes, sorted, recursive."""
    root = path(folder)
    found = (item.relative_to(root).as_posix() for item in root.rglob(f"*{suffix}") if item.is_file())
    return tuple(sorted(found))


@cache
def _home(top: str) -> Path:
    checkout = _checkout()
    for candidate in (_PACKAGE, checkout):
        if candidate is not None and (candidate / top).exists():
            return candidate
    places = " nor ".join(str(place) for place in (_PACKAGE, checkout) if place is not None)
    raise ResourceError(
        f"the folder {top!r} is neither in {places}: reinstall messages-conformance, or run from a complete checkout"
        if checkout is not None
        else f"the folder {top!r} is not in {places}: the installation is incomplete; reinstall messages-conformance"
    )


def _checkout() -> Path | None:
    """The folder above `src/`, if this package lies in a checkout."""
    root = _PACKAGE.parent.parent
    return root if _PACKAGE.parent.name == "src" and (root / "pyproject.toml").is_file() else None
