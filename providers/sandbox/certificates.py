"""Which certificate does a sandbox show? One made on the spot by an authority of its own, right or flawed as asked."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Flaw = Literal["", "expired", "wrong_host", "self_signed"]
DAY: Final = timedelta(days=1)
ELSEWHERE: Final = x509.DNSName("elsewhere.invalid")
HERE: Final = (x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName("localhost"))


class Authority:
    """Signs certificates for this machine. Whoever trusts `trusted` (a PEM file) trusts those without a flaw."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("The sandbox's authority")
        draft = _draft(self._name, self._key, 30).issuer_name(self._name)
        draft = draft.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.trusted = directory / "authority.pem"
        self.trusted.write_bytes(_pem(draft.sign(self._key, hashes.SHA256())))

    def issue(self, flaw: Flaw = "") -> Path:
        """A file with a key and its certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(f"sandbox {flaw}")
        names = [ELSEWHERE] if flaw == "wrong_host" else list(HERE)
        draft = _draft(subject, key, -1 if flaw == "expired" else 30)
        draft = draft.add_extension(x509.SubjectAlternativeName(names), critical=False)
        own = flaw == "self_signed"
        draft = draft.issuer_name(subject if own else self._name)
        path = self._directory / f"certificate{flaw}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + _pem(draft.sign(key if own else self._key, hashes.SHA256())))
        return path


def _draft(subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
    """A certificate that nobody has signed yet, valid until so many days from now."""
    now = datetime.now(UTC)
    draft = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    draft = draft.serial_number(x509.random_serial_number())
    return draft.not_valid_before(now - 30 * DAY).not_valid_after(now + days * DAY)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
