"""`firstread serve-api`: DICOMweb over the archive."""

from typing import Annotated

import typer


def serve_api(
    host: Annotated[
        str, typer.Option(help="Address to listen on. Other than this computer's own needs api_allow_remote.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one.")] = 8080,
) -> None:
    """Serve the archive over DICOMweb, at /dicom-web, until stopped.

    There is no access control yet: whoever can call may read and delete everything. So only this computer may, unless
    the setting api_allow_remote is true; then see to it that nobody else reaches the port.

    \b
    Examples
      firstread serve-api
      firstread serve-api --port 8042

    Exit codes: 0 stopped, 2 the address cannot be used, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    import uvicorn

    from firstread.archive import archive_of
    from firstread.errors import UsageError
    from firstread.network.dicomweb.access import is_loopback
    from firstread.settings import load_settings
    from firstread.web import create_app
    from firstread.web.listen import listen, service

    settings = load_settings()
    if not is_loopback(host) and not settings.api_allow_remote:
        raise UsageError(
            f"{host} is not this computer alone, and there is no access control yet.",
            remedy="Listen on 127.0.0.1, or set api_allow_remote to true.",
        )
    with archive_of(settings) as archive:
        app = create_app(archive, allow_remote=settings.api_allow_remote)
        socket = listen(host, port)
        print(f"DICOMweb on http://{host}:{socket.getsockname()[1]}/dicom-web", flush=True)
        server: uvicorn.Server = service(app)
        server.run(sockets=[socket])
