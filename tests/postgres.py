"""A real PostgreSQL server of the tests' own, on a socket in a folder of its own."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

USER = "firstread"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest where there are several; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    named = shutil.which("initdb")
    return Path(named).resolve().parent if named else None


@dataclass(frozen=True)
class Server:
    """A running server; it refuses to run as root, so then it runs as the user postgres."""

    programs: Path
    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def run(self, program: str, *arguments: str, within: Sequence[str] = ()) -> None:
        account = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
        command = [*within, *(account if os.getuid() == 0 else []), self.programs / program]
        done = subprocess.run(
            [*command, "-D", self.folder / "data", *arguments],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def start(self, *, address: str = "", within: Sequence[str] = ()) -> None:
        """Start it: on its socket and, where an address is given, on the network, by a command that it is run by."""
        # fsync matters where the power can go; the tests kill processes only.
        options = f"-k {self.folder} -c listen_addresses={address} -c fsync=off -c max_connections=200"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-w", "-s", "-l", log, "-o", options, "start", within=within)

    def secure(self, address: str, password: str) -> Path:
        """From the next start on, take from the network only TLS and the password; return the certificate."""
        data = self.folder / "data"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=database", "-addext", f"subjectAltName=IP:{address}", "-keyout", data / "server.key",
             "-out", data / "server.crt"], check=True, capture_output=True,
        )  # fmt: skip
        owner = data.stat()
        for name in ("server.key", "server.crt"):
            os.chown(data / name, owner.st_uid, owner.st_gid)
            (data / name).chmod(0o600)
        (data / "pg_hba.conf").write_text("local all all trust\nhostssl all all all scram-sha-256\n")
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.write("ssl = on\n")
        self.execute(f"ALTER USER {USER} PASSWORD '{password}'")
        return data / "server.crt"

    def stop(self) -> None:
        """End it at once, as a crash would."""
        self.run("pg_ctl", "-w", "-s", "-m", "immediate", "stop")

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def empty_archive(self) -> Iterator[str]:
        """The URL of a database of its own with the archive's tables, made from the database `template`."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def server(where: Path) -> Iterator[Server]:
    # Not under pytest's folder: others may not enter that, and the server is another user than root.
    folder = Path(tempfile.mkdtemp(prefix="firstread-postgres-"))
    if os.getuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
    made = Server(where, folder)
    try:
        made.run("initdb", "--no-sync", "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8")
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
