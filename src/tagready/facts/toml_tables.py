"""What lies in the tables of a TOML file, whatever else somebody may have written in their place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def value_at(table: object, *keys: str) -> object:
    """Return what lies in tables within tables, or None."""
    for key in keys:
        table = table.get(key) if isinstance(table, Mapping) else None
    return table


def table_at(table: object, *keys: str) -> Mapping[str, Any]:
    """Return the table that lies in tables within tables, an empty one where something else does."""
    found = value_at(table, *keys)
    return found if isinstance(found, Mapping) else {}


def list_at(table: object, *keys: str) -> list[Any]:
    """Return the list that lies in tables within tables, an empty one where something else does."""
    found = value_at(table, *keys)
    return found if isinstance(found, list) else []
