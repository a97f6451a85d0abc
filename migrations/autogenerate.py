"""What `alembic revision --autogenerate` writes: a numbered file, in which a kind of record is created by its helper."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, TypeGuard

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import render_op
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from app.db import schema
from migrations.record_tables import COMMON_COLUMNS

_COMMON: Final = re.compile(rf"\s*sa\.(PrimaryKeyConstraint\(|Column\('({'|'.join(COMMON_COLUMNS)})')")
"""Lines, one for each part of a table, of what the helper adds by itself."""
_VALUES: Final = re.compile(r"(\w+) IN \((.*)\)")


class CreateRecordTable(ops.MigrateOperation):
    """A call of `create_record_table`."""

    def __init__(self, table: ops.CreateTableOp) -> None:
        """Take the table as Alembic found it among the models; keep what is particular to its kind."""
        self.table_name = table.table_name
        self._table = table
        self.references: dict[str, str] = {}
        self.values: dict[str, list[str]] = {}
        self.parts = [part for part in table.columns if self._is_particular(part)]

    @property
    def indexes(self) -> set[str]:
        """The names of the indexes that the helper creates."""
        fields = ["", *(f"{column}_" for column in self.references)]
        lists = {f"ix_{self.table_name}_owner_id_{field}created_at_id" for field in fields}
        return {f"ix_{self.table_name}_owner_id_seq", *lists}

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what `alembic check` reports."""
        return self._table.to_diff_tuple()

    def _is_particular(self, part: Any) -> bool:
        """Return whether the helper does not add a part by itself; collect references and values."""
        match part:
            case sa.PrimaryKeyConstraint():
                return False
            case sa.ForeignKeyConstraint():
                *_, column = part.column_keys
                if column != "owner_id":
                    self.references[column] = part.elements[-1].target_fullname.partition(".")[0]
                return False
            case sa.CheckConstraint() if known := _VALUES.fullmatch(str(part.sqltext)):
                if known[1] != "visibility":
                    self.values[known[1]] = re.findall("'([^']*)'", known[2])
                return False
        return True


@renderers.dispatch_for(CreateRecordTable)
def _render(context: AutogenContext, operation: CreateRecordTable) -> str:
    context.imports.add("from migrations.record_tables import create_record_table")
    text = "".join(render_op(context, ops.CreateTableOp(operation.table_name, operation.parts)))
    parts = [line.removesuffix(",") for line in text.splitlines()[1:-1] if not _COMMON.match(line)]
    mappings: dict[str, dict[str, Any]] = {"references": operation.references, "values": operation.values}
    parts += [f"{name}={dict(sorted(mapping.items()))!r}" for name, mapping in mappings.items() if mapping]
    return f"create_record_table({', '.join([repr(operation.table_name), *parts])})"


def render_type(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Name the type under a type decorator: a migration may not depend on a library's or the application's types."""
    if kind == "type" and isinstance(item, sa.TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False  # Alembic's own way


def prepare(_context: MigrationContext, _heads: object, scripts: list[ops.MigrationScript]) -> None:
    """Give a new migration the next number, and let the helper create tables of records."""
    (script,) = scripts
    script.rev_id = f"{int(schema.HEAD) + 1:04}"
    assert script.upgrade_ops is not None  # noqa: S101 - of one database there is one list of operations
    assert script.downgrade_ops is not None  # noqa: S101 - the same
    created = {each.table_name: CreateRecordTable(each) for each in script.upgrade_ops.ops if _is_record_table(each)}
    script.upgrade_ops.ops = [*_shortened(script.upgrade_ops.ops, created)]
    script.downgrade_ops.ops = [
        each
        for each in script.downgrade_ops.ops
        if not (isinstance(each, ops.ModifyTableOps) and each.table_name in created)
    ]  # an index is dropped with its table


def _is_record_table(operation: ops.MigrateOperation) -> TypeGuard[ops.CreateTableOp]:
    if not isinstance(operation, ops.CreateTableOp):
        return False
    return {*COMMON_COLUMNS} <= {part.name for part in operation.columns if isinstance(part, sa.Column)}


def _shortened(
    operations: Iterable[ops.MigrateOperation], created: Mapping[str, CreateRecordTable]
) -> Iterator[ops.MigrateOperation]:
    """Return the operations with the helper's calls, and without the indexes that it creates."""
    for each in operations:
        if _is_record_table(each):
            yield created[each.table_name]
        elif isinstance(each, ops.ModifyTableOps) and each.table_name in created:
            usual = created[each.table_name].indexes
            left = [part for part in each.ops if not (isinstance(part, ops.CreateIndexOp) and part.index_name in usual)]
            yield ops.ModifyTableOps(each.table_name, left)
        else:
            yield each
