"""What is wrong with the certificate of a server, in words that tell the cases apart."""

import ssl
from datetime import datetime, timedelta

from src.operations.turso.token_facts import span
from src.operations.verdict import Verdict, fail, ok, warn

WARN_WITHIN = timedelta(days=14)
# Numbers of OpenSSL (x509_vfy.h), for which Python has no names.
_EXPIRED, _NOT_YET_VALID = 10, 9
_OTHER_NAMES = (62, 64)  # of a host, of an IP address


def refused(place: str, exc: ssl.SSLCertVerificationError) -> Verdict:
    """The verdict on a server whose certificate `exc` says is not to be trusted."""
    if exc.verify_code == _EXPIRED:
        return fail(f"the certificate of {place} has expired", "Renew it at the server.")
    if exc.verify_code == _NOT_YET_VALID:
        return fail(
            f"the certificate of {place} is not valid yet", "Set the clock of this machine, or of the server."
        )
    if exc.verify_code in _OTHER_NAMES:
        return fail(
            f"the certificate of {place} is for another name",
            "Write the name that stands in the certificate as the host, or get one with this name.",
        )
    return fail(
        f"the certificate of {place} is not trusted ({exc.verify_message})",
        "If its authority is your own, name its certificate: SSL_CERT_FILE=/path/to/ca.pem. If not, look who answers "
        "there before you send it a secret.",
    )


def judged(place: str, end: datetime, *, now: datetime) -> Verdict:
    """Of a certificate that is trusted and ends at `end`."""
    left = end - now
    said = f"the certificate of {place} is trusted and ends in {span(left)}"
    return ok(said) if left > WARN_WITHIN else warn(said, "Renew it, or see why nothing renews it.")
