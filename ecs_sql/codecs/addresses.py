"""Paths, IP addresses and URLs: classes whose text is the whole value."""

from __future__ import annotations

import ipaddress
import pathlib
from typing import Any

import pydantic
import pydantic_core

from ecs_sql.codecs.base import Build, Codec, Refusal, registry
from ecs_sql.codecs.scalars import TextualCodec
from ecs_sql.nodes import Node, ScalarNode

_URL_BASES: tuple[type, ...] = (
    pydantic.AnyUrl.__mro__[-2],
    pydantic.PostgresDsn.__mro__[-2],
    pydantic_core.Url,
    pydantic_core.MultiHostUrl,
)


PATH_CLASSES = (
    pathlib.Path,
    pathlib.PurePath,
    pathlib.PosixPath,
    pathlib.PurePosixPath,
    pathlib.WindowsPath,
    pathlib.PureWindowsPath,
)
ADDRESS_CLASSES = (ipaddress.IPv4Address, ipaddress.IPv6Address)
NETWORK_CLASSES = (
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
)


def _path(node: ScalarNode, build: Build) -> Codec:
    # Path and PurePath make objects of the platform's own class.
    made: type = type(node.type()) if node.type in (pathlib.Path, pathlib.PurePath) else node.type
    return TextualCodec((made,), str, made)


def is_url(node: Node) -> bool:
    """Whether a node is of one of pydantic's classes of URLs."""
    return isinstance(node, ScalarNode) and issubclass(node.type, _URL_BASES)


def _url(node: ScalarNode, build: Build) -> Codec:
    url_class = node.type

    def to_text(value: Any) -> str:
        text = str(value)
        try:
            same = url_class(text) == value
        except pydantic.ValidationError:
            same = False
        if not same:
            raise Refusal(
                value, "its text does not read back as the same URL; annotate the field as str"
            )
        return text

    return TextualCodec((url_class,), to_text, url_class)


for _path_class in PATH_CLASSES:
    registry.register(_path_class, _path)
for _address_class in (*ADDRESS_CLASSES, *NETWORK_CLASSES):
    registry.register(
        _address_class, lambda node, build: TextualCodec((node.type,), str, node.type)
    )
registry.register_predicate(is_url, _url)
