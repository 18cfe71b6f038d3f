"""Opening the one database: SQLite by default, Postgres by changing the URL.

Every table of the program hangs on :data:`metadata`; a package with tables of its own defines
``Table(..., metadata)`` and is imported before :func:`open_database`, which creates what is missing.
Times are BIGINT nanoseconds; money and quantities are :class:`Exact`, never a float.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from decimal import Decimal, InvalidOperation
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sqlalchemy import Column, Integer, MetaData, Numeric, String, Table, event, insert, inspect, select, text
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.types import TypeDecorator, TypeEngine

from bot import config
from bot.errors import ConfigError, LedgerError, PegbotError, ServiceUnreachable

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

P = ParamSpec("P")
T = TypeVar("T")

SCHEMA_VERSION = 1
BUSY_TIMEOUT_MS = 5_000
CONNECT_TIMEOUT_SECONDS = 10.0
GRACE_SECONDS = 10.0
WRITER_LOCK = 0x7065_6762_6F74  # "pegbot", the key of the Postgres advisory lock that makes writers queue

metadata = MetaData()
TOGETHER = frozenset(
    ("incidents", "incident_history", "plans", "orders", "fills", "entries", "postings", "snapshots")
)
"""Tables that are made at once: where some are, all have to be."""

_schema = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}
_EXAMPLES = "use sqlite+aiosqlite:///var/pegbot.db or postgresql+asyncpg://user:password@host/pegbot"


class Exact(TypeDecorator[Decimal]):
    """A Decimal kept to the last digit: NUMERIC in Postgres, text in SQLite (whose NUMERIC is a float)."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return format(value, "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """What is no number is ``NaN``: who knows the row tells it, by :func:`bot.ledger.rows.numbers`."""
        try:
            return None if value is None else Decimal(value)
        except (InvalidOperation, TypeError, ValueError):
            return Decimal("NaN")


def parse_url(url: str) -> URL:
    """SQLAlchemy URL with an async driver. ConfigError says what a right one looks like."""
    if url.startswith(("env:", "file:")):
        url = config.secret(url).get_secret_value()
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(f"ledger.url: not a database URL; {_EXAMPLES}") from None
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.drivername not in _DRIVERS.values():
        raise ConfigError(f"ledger.url: {parsed.drivername} is not supported; {_EXAMPLES}")
    return parsed


async def open_database(url: str) -> AsyncEngine:
    """Engine on ``url``, with folder and tables made; close it with ``await engine.dispose()``.

    ``url`` may be ``env:NAME`` or ``file:PATH``. Raises :class:`ConfigError` when the URL, folder,
    driver, file or password has to be changed, :class:`ServiceUnreachable` when the server is away.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        _make_folder(parsed)
        _probe(parsed)
    engine = _create_engine(parsed)
    try:
        async with guarded(engine, opening=True), transaction(engine) as connection:
            await connection.run_sync(_create_tables)
    except BaseException:
        await engine.dispose()
        raise
    return engine


def whole(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let ``work`` come to its end even if its caller is cancelled; the cancellation goes on after that.

    A query cut off in the middle leaves a connection behind whose thread nobody ends. What has not ended
    within ``GRACE_SECONDS`` is cut off after all.
    """

    @wraps(work)
    async def shielded(*args: P.args, **kwargs: P.kwargs) -> T:
        task = asyncio.ensure_future(work(*args, **kwargs))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task], timeout=GRACE_SECONDS)
            if task.cancel():
                await asyncio.wait([task])
            raise

    return shielded


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that will write: it takes the writer's place at once, and commits on leaving.

    SQLite would otherwise refuse, without waiting, a transaction that reads first and writes later
    while another process has written in between; Postgres writers queue on an advisory lock.
    """
    async with engine.execution_options(pegbot_begin="IMMEDIATE").begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
        yield connection


@asynccontextmanager
async def guarded(engine: AsyncEngine, *, opening: bool = False) -> AsyncIterator[None]:
    """Turn a driver's error into ours: :class:`ServiceUnreachable` means nothing was written, try again.

    A broken constraint or a damaged file is a :class:`LedgerError`; while ``opening``, what the
    user has to change is a :class:`ConfigError`.
    """
    try:
        yield
    except PegbotError:
        raise
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise _translate(error, engine.url, opening) from error
    except Exception as error:
        # Postgres refuses a connection with the driver's own exceptions, which SQLAlchemy does not wrap.
        if not type(error).__module__.startswith("asyncpg"):
            raise
        raise _translate(error, engine.url, opening) from error


def shown(url: URL) -> str:
    """The URL without its password, for messages."""
    return url.render_as_string(hide_password=True)


def _make_folder(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        return
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"ledger.url: cannot make the folder {path.parent}: {error.strerror}; "
            "make it writable for this user, or point ledger.url elsewhere"
        ) from None
    if path.is_dir():
        raise ConfigError(f"ledger.url: {path} is a folder; name a file in it, such as {path / 'pegbot.db'}")


def _probe(url: URL) -> None:
    """Open the file once without the asynchronous driver, whose thread may outlive a failure to open."""
    try:
        with closing(sqlite3.connect(url.database or ":memory:", timeout=BUSY_TIMEOUT_MS / 1000)) as probe:
            probe.execute("PRAGMA schema_version").fetchone()
    except sqlite3.Error as error:
        raise _translate(error, url, opening=True) from error


def _create_engine(url: URL) -> AsyncEngine:
    options: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql":
        # A server may have been restarted since the connection was last used.
        options["pool_pre_ping"] = True
        options["connect_args"] = {"timeout": CONNECT_TIMEOUT_SECONDS}
        options["pool_timeout"] = CONNECT_TIMEOUT_SECONDS
    try:
        engine = create_async_engine(url, **options)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        if url.get_backend_name() == "postgresql":
            fix = "install the Postgres driver with: pip install 'pegbot[postgres]'"
        else:
            fix = "install the SQLite driver with: pip install aiosqlite"
        raise ConfigError(
            f"ledger.url: {shown(url)} needs a module that is missing ({error}); {fix}"
        ) from None
    if url.get_backend_name() == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Left to itself the driver starts transactions late; BEGIN is ours (see _begin_sqlite).
    connection.isolation_level = None
    try:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        # FULL: what was acknowledged is on disk, also after a power cut.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()
    except BaseException:
        # SQLAlchemy drops what it could not prepare; the driver's thread would outlive the event loop.
        connection.close()
        raise


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("pegbot_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _create_tables(connection: Connection) -> None:
    there = TOGETHER & set(inspect(connection).get_table_names())
    if there and (gone := TOGETHER - there):
        raise ConfigError(
            f"ledger.url: the database has no table {', '.join(sorted(gone))}, and is damaged; "
            "restore it from a copy, or point ledger.url at a new database"
        )
    metadata.create_all(connection)
    version = connection.execute(select(_schema.c.version)).scalar()
    if version is None:
        connection.execute(insert(_schema).values(version=SCHEMA_VERSION))
    elif version != SCHEMA_VERSION:
        raise ConfigError(
            f"ledger.url: the database has schema version {version}, this pegbot needs {SCHEMA_VERSION}; "
            "run the pegbot that wrote it, or point ledger.url at a new database"
        )


def _translate(error: BaseException, url: URL, opening: bool) -> PegbotError:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    said = " ".join(str(cause).split()) or type(cause).__name__
    where = shown(url)
    if isinstance(error, IntegrityError):
        return LedgerError(f"database {where}: {said}")
    if opening and (fix := _fix(said, str(getattr(cause, "sqlstate", None) or ""), url)):
        return ConfigError(f"ledger.url: {where}: {said}; {fix}")
    if "malformed" in said or "not a database" in said:
        return LedgerError(f"database {where} is damaged ({said}); stop, and restore it from a copy")
    file = url.get_backend_name() == "sqlite"
    hint = "nothing was written, it can be tried again" if file else "is the server up and reachable?"
    return ServiceUnreachable(f"database {where}: {said}; {hint}")


def _fix(said: str, sqlstate: str, url: URL) -> str:
    """What to change in the configuration, or "" where waiting may help."""
    if sqlstate.startswith("28"):
        return "correct user or password"
    if sqlstate == "3D000":
        return f"create it with: createdb {url.database}"
    if "malformed" in said or "not a database" in said:
        return "this file is not a pegbot database, or damaged: move it away, or point ledger.url elsewhere"
    if "unable to open" in said or "readonly" in said:
        return "make file and folder writable for this user, or point ledger.url elsewhere"
    return ""
