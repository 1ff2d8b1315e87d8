"""What can go wrong with backups. Nothing is left behind by what raised one of these.

BackupError               the backup could not be made
├── NoRoomError           the disk has too little room for it
RestoreError              the backup could not be put back; the database is as it was
├── BackupNotFoundError   there is none of that name
├── BackupDamagedError    it is not what it was when it was made, or no sound database
└── DatabaseInUseError    a process holds the database
"""

from src.domain.shared.errors import ConflictError, DomainError


class BackupError(DomainError):
    code = "backup_failed"
    title = "The backup could not be made"


class NoRoomError(BackupError):
    code = "backup_no_room"
    title = "There is no room for the backup"

    def __init__(self, folder: object, *, needed: int, free: int) -> None:
        super().__init__(
            f"{folder} has {free / 1e6:,.0f} MB free and {needed / 1e6:,.0f} MB are needed. "
            "Make room, or name a folder on another disk."
        )


class RestoreError(DomainError):
    code = "restore_failed"
    title = "The backup could not be restored"


class BackupNotFoundError(RestoreError):
    code = "backup_not_found"
    title = "There is no such backup"


class BackupDamagedError(RestoreError):
    code = "backup_damaged"
    title = "The backup is damaged"


class DatabaseInUseError(RestoreError, ConflictError):
    code = "database_in_use"
    title = "The database is in use"
