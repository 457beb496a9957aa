"""A process to be killed: writer.py FOLDER URL FILES… stores files and says which are acknowledged."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from firstread.archive import Part10, open_archive


def main() -> None:
    folder, url, *files = sys.argv[1:]
    archive = open_archive(Path(folder), url=url or None)

    def store(file: str) -> None:
        receipt = archive.receive(Part10.parse(Path(file).read_bytes()))
        sys.stdout.write(f"{receipt.sop_instance_uid}\n")
        sys.stdout.flush()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store, files))


if __name__ == "__main__":
    main()
