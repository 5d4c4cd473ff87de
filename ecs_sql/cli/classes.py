"""From `MODULE:NAME` arguments to entity classes, with an error for each thing that may be wrong."""

from __future__ import annotations

import importlib
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from contextlib import redirect_stdout
from difflib import get_close_matches
from pathlib import Path
from pkgutil import iter_modules
from textwrap import shorten
from types import ModuleType
from typing import Any

from ecs_sql.entity import Entity
from ecs_sql.errors import EcsSqlError, MappingError
from ecs_sql.fields import EntityClass, is_abstract
from ecs_sql.identity import IdentifiedModel
from ecs_sql.mapping import EntityMapping

_SHOWN_NAMES = 8
_SHOWN_CHARACTERS = 300


class ClassArgumentError(EcsSqlError):
    """A `MODULE:NAME` argument that leads to no entity class."""

    def __init__(self, argument: str, reason: str, remedy: str) -> None:
        self.argument = argument
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{argument}: {reason}; {remedy}")


def load_classes(arguments: Iterable[str]) -> tuple[EntityClass, ...]:
    """The entity classes that arguments name, each once, in the order named.

    An argument is `package.module:Class`, `package.module:Outer.Inner`, or `package.module` alone for
    all entity classes with tables that the module or package defines; `path/to/module.py` may stand
    for the module. Modules are found as `python -m` finds them: in the current directory first. What
    they print while they are imported goes to stderr.

    Raises:
        ClassArgumentError: when an argument leads to no entity class, or its module fails.
        MappingError: when the module itself maps classes that cannot be mapped.
    """
    _find_modules_in(Path.cwd())
    found: dict[EntityClass, None] = {}
    for argument in arguments:
        module_name, name = _split(argument)
        module = _import(argument, module_name)
        found.update(dict.fromkeys([_named(argument, module, name)] if name else _all_of(module)))
    return tuple(found)


def mapping_of(arguments: Iterable[str]) -> EntityMapping:
    """A mapping of the classes that arguments name, and of all that these refer to.

    Raises:
        ClassArgumentError: when an argument leads to no entity class, or its module fails.
        MappingError: when some of the classes cannot be mapped; all faults at once.
    """
    mapping = EntityMapping()
    mapping.register(*load_classes(arguments))
    return mapping


def _find_modules_in(directory: Path) -> None:
    if str(directory) not in sys.path and "" not in sys.path:
        sys.path.insert(0, str(directory))


def _split(argument: str) -> tuple[str, str]:
    """The module, dotted or a path, and the name in it; no name stands for all."""
    if argument.endswith(".py"):
        return argument, ""
    module, colon, name = argument.rpartition(":")
    if not colon:
        return argument, ""
    if not module or not name:
        remedy = "write MODULE:NAME, as in app.models:Order, or MODULE alone"
        raise ClassArgumentError(argument, "a module or a name is missing", remedy)
    return module, name


# Modules


def _import(argument: str, module_name: str) -> ModuleType:
    if not module_name.endswith(".py"):
        return _import_dotted(argument, module_name)
    path = Path(module_name).absolute()
    if not path.is_file():
        raise ClassArgumentError(argument, f"there is no file {module_name}", "check the path")
    directory, dotted = _place(path)
    _find_modules_in(directory)
    module = _import_dotted(argument, dotted)
    if not path.samefile(module.__file__ or ""):
        reason = (
            f"the name {dotted} belongs to another module, {module.__file__ or 'a built-in one'}"
        )
        raise ClassArgumentError(argument, reason, "rename the file")
    return module


def _place(path: Path) -> tuple[Path, str]:
    """The directory in which a file's module is found, and the module's dotted name there."""
    parts = [] if path.name == "__init__.py" else [path.stem]
    directory = path.parent
    while (directory / "__init__.py").is_file():
        parts.append(directory.name)
        directory = directory.parent
    return directory, ".".join(reversed(parts))


def _import_dotted(argument: str, dotted: str) -> ModuleType:
    try:
        with redirect_stdout(sys.stderr):  # stdout holds what was asked for alone
            return importlib.import_module(dotted)
    except MappingError:
        raise  # all faults at once, as of any other class
    except ModuleNotFoundError as error:
        if error.name is not None and f"{dotted}.".startswith(f"{error.name}."):
            raise _no_such_module(argument, error.name) from error
        raise _failed(argument, error) from error
    except (Exception, SystemExit) as error:  # whatever a module may raise
        raise _failed(argument, error) from error


def _no_such_module(argument: str, missing: str) -> ClassArgumentError:
    package, _, last = missing.rpartition(".")
    parent = sys.modules.get(package)
    where = f"in {package}" if package else f"in {Path.cwd()} or installed"
    places = getattr(parent, "__path__", ()) if package else [str(Path.cwd())]
    near = get_close_matches(last, [module.name for module in iter_modules(places)], n=1)
    remedy = "run the command in the directory that holds the module, or give the file's path"
    if hasattr(parent, last):
        remedy = f"a name in a module stands after a colon, as in {package}:{last}"
    elif near:
        remedy = f"did you mean {'.'.join(filter(None, [package, *near]))}?"
    return ClassArgumentError(argument, f"there is no module {missing} {where}", remedy)


def _failed(argument: str, error: BaseException) -> ClassArgumentError:
    """The module's own exception in short, and where it was raised."""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    what = shorten(f"{type(error).__name__}: {message}".removesuffix(": "), _SHOWN_CHARACTERS)
    reason = f"its module fails with {what} ({_place_of(error)})"
    return ClassArgumentError(argument, reason, "mend it, or import it in Python for the traceback")


def _place_of(error: BaseException) -> str:
    """File and line of the newest frame in the application's own code, else of the newest at all."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(error.filename)}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(Path(frame.filename))]
    frame = (own or frames)[-1]
    return f"{_shown(frame.filename)}, line {frame.lineno}"


def _is_own(file: Path) -> bool:
    """Whether a file belongs to the application: it is not installed, of Python's, or of this package."""
    others = (Path(__file__).parents[1], Path(sysconfig.get_path("stdlib")))
    installed = "site-packages" in file.parts or any(map(file.is_relative_to, others))
    return file.is_file() and not installed


def _shown(file: str) -> str:
    """A path below the current directory relative to it."""
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


# Names


def _named(argument: str, module: ModuleType, name: str) -> EntityClass:
    value: Any = module
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except AttributeError as error:
            known = [item for item in vars(value) if not item.startswith("_")]
            near = get_close_matches(part, known, n=1)
            remedy = f"did you mean {near[0]}?" if near else _entity_classes_hint(module)
            reason = f"{_name_of(value)} has no {part}"
            raise ClassArgumentError(argument, reason, remedy) from error
    if isinstance(value, type) and issubclass(value, IdentifiedModel):
        return value
    what = (
        "a class, but no entity class"
        if isinstance(value, type)
        else f"of type {type(value).__name__}"
    )
    hint = "derive it from ecs_sql.Entity" if isinstance(value, type) else ""
    raise ClassArgumentError(argument, f"{name} is {what}", hint or _entity_classes_hint(module))


def _name_of(value: Any) -> str:
    return str(getattr(value, "__qualname__", None) or getattr(value, "__name__", None) or value)


def _all_of(module: ModuleType) -> list[EntityClass]:
    """The entity classes with tables that a module, or a package and the modules in it, defines.

    Raises:
        ClassArgumentError: when there is none.
    """
    found = _entity_classes(module)
    own = [item for item in found if f"{item.__module__}.".startswith(f"{module.__name__}.")]
    concrete = [item for item in own if not is_abstract(item)]
    if concrete:
        return concrete
    if own:
        reason = "all its entity classes are abstract, or generic without their types"
        remedy = "name a concrete subclass, or assign a parametrised one, as in IntBox = Box[int]"
    elif found:
        first = found[0]
        reason = "it defines no entity class, it only imports some"
        remedy = f"name them, as in {first.__module__}:{first.__qualname__}"
    else:
        reason, remedy = "it defines no entity class", "derive a class from ecs_sql.Entity"
    raise ClassArgumentError(module.__name__, reason, remedy)


def _entity_classes(module: ModuleType) -> list[EntityClass]:
    """The entity classes that a module has names for, but for those of ecs_sql itself."""
    values = vars(module).values()
    classes = [v for v in values if isinstance(v, type) and issubclass(v, IdentifiedModel)]
    return [c for c in dict.fromkeys(classes) if c not in (Entity, IdentifiedModel)]


def _entity_classes_hint(module: ModuleType) -> str:
    names = [item.__name__ for item in _entity_classes(module)]
    if not names:
        return "the module has no entity class; derive one from ecs_sql.Entity"
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return f"its entity classes are {', '.join(names[:_SHOWN_NAMES])}{more}"
