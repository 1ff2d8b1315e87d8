"""The box in which GitHub takes a secret: only its own key opens it, neither we nor whoever listens."""

from base64 import b64decode, b64encode

from pydantic import SecretStr

from src.operations.github.records import PublicKey


def seal(value: SecretStr, key: PublicKey) -> str:
    """Raises ValueError for what is no key."""
    from nacl.exceptions import CryptoError
    from nacl.public import PublicKey as NaclKey
    from nacl.public import SealedBox

    try:
        box = SealedBox(NaclKey(b64decode(key.base64, validate=True)))
    except CryptoError as exc:
        raise ValueError(str(exc)) from None
    return b64encode(box.encrypt(value.get_secret_value().encode())).decode()
