"""A real PostgreSQL as a child process, on TCP alone."""

import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from andon.embedded.children.accounts import postgres_account
from andon.embedded.children.spawn import spawn
from andon.embedded.errors import EmbeddedError
from andon.embedded.home import write_private
from andon.embedded.stores.binaries import postgres_programs
from andon.embedded.stores.server import Server, server_environment

USER = "andon"
DATABASE = "andon"


class PostgresServer(Server):
    """PostgreSQL with one superuser, its random password in `folder/password`, and the database `andon`."""

    program = "postgres"
    stop_signal = signal.SIGINT  # "fast": sessions are ended, the data is left in order

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__(folder, port, postgres_programs())
        self.data = self.folder / "data"
        self.password_file = self.folder / "password"
        self.account = postgres_account(self.folder, self.programs)
        if self.account:
            os.chown(self.folder, self.account.uid, self.account.gid)

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The URL of another database of this server."""
        return f"postgresql://{USER}:{self.password_file.read_text().strip()}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        if not self.data.exists():
            self._create_data()
        self._require_same_version()
        super().start()
        self._create_database()

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "search_path": "public",  # "$user" would put a team's own tables into Andon's schema
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self.programs / self.program), "-D", str(self.data), *words]

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url_of("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def working_folder(self) -> Path:
        return self.data

    def pidfile(self) -> Path:
        return self.data / "postmaster.pid"

    def end_leftovers(self) -> None:
        super().end_leftovers()
        # Nobody works on the data now, so a pid in this file is somebody else's, or a zombie's.
        self.pidfile().unlink(missing_ok=True)

    def _create_data(self) -> None:
        """`initdb` beside the final place, so that a start cut short leaves nothing that looks finished."""
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        write_private(self.password_file, secrets.token_urlsafe(24) + "\n")
        if self.account:
            os.chown(self.password_file, self.account.uid, self.account.gid)
        command = [str(self.programs / "initdb"), "-D", str(unfinished), "-U", USER, "--no-instructions"]
        command += ["--locale=C", "--encoding=UTF8", "--auth=scram-sha-256", f"--pwfile={self.password_file}"]
        with self.log.open("wb") as log:
            process = spawn(command, env=server_environment(), output=log, cwd=Path("/"), account=self.account)
            try:
                code = process.wait()
            finally:
                process.terminate()  # if it runs
                process.wait()
        if code != 0:
            raise EmbeddedError(f"PostgreSQL could not create its data; initdb said: {self._last_words()}")
        unfinished.rename(self.data)

    def _require_same_version(self) -> None:
        shown = subprocess.run([self.programs / "postgres", "--version"], capture_output=True, text=True, check=True)
        installed = shown.stdout.split()[2].split(".")[0]
        written = (self.data / "PG_VERSION").read_text().strip()
        if written != installed:
            raise EmbeddedError(
                f"The data in {self.data} was written by PostgreSQL {written}, and version {installed} is"
                " installed: set ANDON_HOME to another folder, or move this one away."
            )

    def _create_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
