"""What a process reads from its environment, once, in its bootstrap."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit


class SettingsError(ValueError):
    """An environment variable has a value that Andon can't use; the message names it."""


@dataclass(frozen=True)
class Settings:
    """One process's configuration. Durations are seconds, sizes are bytes."""

    database_url: str = field(default="postgresql://localhost/andon", repr=False)  # URLs can hold passwords
    redis_url: str = field(default="redis://localhost:6379/0", repr=False)
    storage_url: str = "file://.andon/artifacts"
    secrets: str = ""
    functions: tuple[str, ...] = ("andon_worker.functions",)
    queues: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    health_port: int = 0
    home: Path = Path(".andon")
    lease_seconds: float = 6.0
    heartbeat_seconds: float = 1.5
    shutdown_seconds: float = 25.0
    step_grace_seconds: float = 10.0
    lanes: int = 8
    lanes_start: str = "fork"
    api_threads: int = 32
    api_workers: int = 1
    lost_worker_limit: int = 3
    alone_seconds: float = 60.0
    cleanup_seconds: float = 600.0
    upload_limit_bytes: int = 2 * 1024**3
    unpacked_limit_bytes: int = 20 * 1024**3
    datasets_limit_bytes: int = 100 * 1024**3
    release: str = ""
    inspection_seconds: float = 300.0
    results_limit_bytes: int = 64 * 1024**2
    artifact_limit_bytes: int = 5 * 1024**3
    log_level: str = "INFO"
    access_log: str = "on"
    step_log: str = "off"
    library_log_level: str = "WARNING"
    auth: str = "auto"
    metrics_auth: str = "off"
    secret_key: str = field(default="", repr=False)
    session_hours: float = 12.0
    rate_limit: int = 6000
    queued_runs_limit: int = 10_000
    proxies: int = 0
    origins: tuple[str, ...] = ()
    webhooks_private: str = "off"

    @property
    def at_once(self) -> int:
        """Runs that a worker executes at once: with no lanes, one, in the foreground (`ANDON_LANES=0`)."""
        return self.lanes or 1

    @property
    def requires_keys(self) -> bool:
        """Whether callers of the API need a key: `auto` means everywhere but on a loopback address.

        Raises `SettingsError` for `off` elsewhere: whoever reached the port could do anything.
        """
        if self.auth not in {"auto", "on", "off"}:
            raise SettingsError(f"ANDON_AUTH must be auto, on or off, not {self.auth!r}")
        if self.auth == "off" and not is_loopback(self.host):
            raise SettingsError(
                f"ANDON_AUTH=off works on a loopback address only, and ANDON_HOST is {self.host}: "
                "set ANDON_AUTH=on and make a key with `andon keys create`"
            )
        return self.auth == "on" or not is_loopback(self.host)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read `ANDON_*` (and `PORT`) from `env`; raises `SettingsError` naming what is wrong."""
        for key, what in _GONE.items():
            if env.get(key):
                raise SettingsError(f"{key} is set, but {what}")
        env = with_secrets(env)
        values: dict[str, object] = {}
        for name, each in cls.__dataclass_fields__.items():
            key = "PORT" if name == "port" else f"ANDON_{name.upper()}"
            if env.get(key):
                values[name] = _parse(key, env[key], each.default)
            if name in _SCHEMES and name in values:
                check_url(key, str(values[name]), _SCHEMES[name])
        settings = cls(**values)  # type: ignore[arg-type]
        _check_together(settings)
        return settings


_GONE = {
    "ANDON_BUS_PARTITIONS": "the bus is one stream now: unset it, for every process; "
    "docs/scale.md says how a system grows",
    "ANDON_WORKER_THREADS": "runs are executed in processes now: set ANDON_LANES to how many at once",
}
_SCHEMES = {"database_url": ("postgresql", "postgres"), "redis_url": ("redis", "rediss", "unix")}


def check_url(key: str, url: str, schemes: tuple[str, ...] = _SCHEMES["database_url"]) -> None:
    """Refuse here what a driver would refuse later: its message quotes the URL, and with it the password."""
    try:
        parts = urlsplit(url)
        ports = [urlsplit(f"//{host}").port for host in _hosts(parts)]
        if parts.scheme in schemes and all(port is None or port > 0 for port in ports) and _reads(key, url, parts):
            return
    except SettingsError:
        raise
    except ValueError:
        pass
    raise SettingsError(
        f"{key} must be a URL that begins with {schemes[0]}://; in its password, / is written as %2F, and % as %25"
    )


def _reads(key: str, url: str, parts: SplitResult) -> bool:
    """Whether libpq reads a URL of Postgres. What it says of one that it doesn't can quote the password: it is told
    only where that is over before the parameters begin.
    """
    if not parts.scheme.startswith("postgres"):
        return True
    from psycopg import ProgrammingError  # not needed by those that only ask the API
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(url)
    except ProgrammingError as error:
        said = str(error).strip()
        if "query parameter" in said and ("@" in parts.netloc or "@" not in url):
            raise SettingsError(f"{key}: {said}") from None
        return False
    return True


def _hosts(parts: SplitResult) -> list[str]:
    """Of Postgres there may be several, of which one takes writes: `host:port,host:port`."""
    hosts = parts.netloc.rpartition("@")[2]
    return hosts.split(",") if parts.scheme.startswith("postgres") else [hosts]


def with_secrets(env: Mapping[str, str]) -> Mapping[str, str]:
    """`env`, and what it doesn't set of the files in the folder `ANDON_SECRETS`, each named as its variable.

    So passwords need not be in the environment, which children inherit and crash reports quote.
    """
    if not env.get("ANDON_SECRETS"):
        return env
    folder = Path(env["ANDON_SECRETS"])
    if not folder.is_dir():
        raise SettingsError(f"ANDON_SECRETS must be a folder of files that are named as variables, not {str(folder)!r}")
    found = {}
    for name in Settings.__dataclass_fields__:
        file = folder / f"ANDON_{name.upper()}"
        try:
            if file.is_file():
                found[file.name] = file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"ANDON_SECRETS: {file} can't be read") from None
    return {**found, **{name: value for name, value in env.items() if value}}


def _check_together(settings: Settings) -> None:
    """Refuse values that are fine each and wrong beside another."""
    if settings.step_grace_seconds >= settings.shutdown_seconds:
        raise SettingsError(
            f"ANDON_STEP_GRACE_SECONDS ({settings.step_grace_seconds:g}) must be less than ANDON_SHUTDOWN_SECONDS "
            f"({settings.shutdown_seconds:g}): what is interrupted at the end of the grace has to be handed over"
        )
    if not 0 < settings.heartbeat_seconds * 3 <= settings.lease_seconds:
        raise SettingsError(
            f"ANDON_HEARTBEAT_SECONDS ({settings.heartbeat_seconds:g}) must be above 0 and at most a third of "
            f"ANDON_LEASE_SECONDS ({settings.lease_seconds:g}): a beat that is late must not cost a lease"
        )
    for name in ("api_threads", "api_workers", "lost_worker_limit"):
        if getattr(settings, name) < 1:
            raise SettingsError(f"ANDON_{name.upper()} must be at least 1")
    if settings.cleanup_seconds <= 0:
        raise SettingsError("ANDON_CLEANUP_SECONDS must be above 0: a cleanup would be stopped at once")
    if settings.health_port and settings.api_workers > 1:
        raise SettingsError("ANDON_HEALTH_PORT is one process's: it can't be set with ANDON_API_WORKERS above 1")
    for key, port in (("PORT", settings.port), ("ANDON_HEALTH_PORT", settings.health_port)):
        if port > 65535:
            raise SettingsError(f"{key} must be a port, 65535 at most, not {port}")
    for origin in settings.origins:
        if not is_origin(origin):
            raise SettingsError(
                "ANDON_ORIGINS must be origins as browsers write them, separated by commas, such as "
                f"https://app.example.com, not {origin!r}"
            )
    for name, words in _WORDS.items():
        if getattr(settings, name).lower() not in words:
            raise SettingsError(f"ANDON_{name.upper()} must be {_either(words)}, not {getattr(settings, name)!r}")


_WORDS = {
    "auth": ("auto", "on", "off"),
    "metrics_auth": ("on", "off"),
    "access_log": ("on", "off"),
    "webhooks_private": ("on", "off"),
    "step_log": ("on", "off"),
    "log_level": ("debug", "info", "warning", "error", "critical"),
    "library_log_level": ("debug", "info", "warning", "error", "critical"),
    "lanes_start": ("fork", "spawn"),
}


def _either(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def is_origin(text: str) -> bool:
    """Whether `text` is what a browser sends as `Origin`: in lower case, with the port if it isn't the usual one."""
    try:
        parts = urlsplit(text)
        usual = {"http": 80, "https": 443}[parts.scheme]
        host = parts.hostname or ""
        shown = f"[{host}]" if ":" in host else host
        port = "" if parts.port in {None, usual} else f":{parts.port}"
    except (ValueError, KeyError):
        return False
    return bool(host) and "*" not in host and text == f"{parts.scheme}://{shown}{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parse(key: str, text: str, default: object) -> object:
    """Read `text` as the type that `default` has."""
    try:
        if isinstance(default, tuple):
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if isinstance(default, (int, float)):
            number = type(default)(text)
            if not 0 <= number < math.inf:
                raise ValueError
            return number
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise SettingsError(f"{key} must be {kind} of at least 0, not {text!r}") from None
    return Path(text) if isinstance(default, Path) else text
