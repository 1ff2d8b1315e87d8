"""A process that backs up or restores and stops on the way.

`python -m …backup_process backup FILE FOLDER STAGE` prints "at STAGE" when it is there, and goes on when it reads a
line. `… restore FILE FOLDER STAGE BACKUP` does the same while restoring. `… limit FILE FOLDER BYTES` backs up while no
file may become larger than that.
"""

import select
import signal
import sys
from pathlib import Path

from src.domain.shared.errors import DomainError
from src.operations.backup.back_up_file import back_up_file
from src.operations.backup.folder import BackupFolder
from src.operations.backup.restore_file import restore_file
from src.operations.backup.unpacking import find_source
from src.operations.migrations.revisions import read_chain


class Stop:
    def __init__(self, stage: str) -> None:
        self._stage, self._done = stage, False

    def __call__(self, stage: str, _fraction: float | None) -> None:
        if stage == self._stage and not self._done:
            self._done = True
            print(f"at {stage}", flush=True)
            # not one long read: a Ctrl-C that comes just before a read begins is not seen until that ends
            while not select.select([sys.stdin], [], [], 0.05)[0]:
                pass
            sys.stdin.readline()


def main(what: str, file: Path, folder: BackupFolder, detail: str, *rest: str) -> None:
    if what == "limit":
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the system then answers EFBIG, as a full disk ENOSPC
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(detail), int(detail)))
        back_up_file(file, folder)
    elif what == "backup":
        back_up_file(file, folder, on_progress=Stop(detail))
    else:
        restore_file(
            find_source(rest[0], folder),
            file,
            folder,
            known_revisions={revision.id for revision in read_chain()},
            on_progress=Stop(detail),
        )


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]), BackupFolder(Path(sys.argv[3])), *sys.argv[4:])
    except DomainError as exc:
        sys.exit(str(exc))
    except KeyboardInterrupt:
        sys.exit(130)
