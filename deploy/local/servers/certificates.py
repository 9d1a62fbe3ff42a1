"""A private certificate authority and one server certificate, so that local servers speak verified TLS."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.local.servers.account import server_account

LIFETIME = timedelta(days=3650)
SERVER_NAMES = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


@dataclass(frozen=True)
class Certificates:
    """PEM files: `ca_path` is what clients trust; the server's own certificate and key are for servers."""

    ca_path: Path
    server_certificate_path: Path
    server_key_path: Path


def ensure_certificates(folder: Path, names: Sequence[x509.GeneralName] = SERVER_NAMES) -> Certificates:
    """Return the certificates kept in `folder`, made the first time; the server's is good for `names`.

    The key of the authority is thrown away once it has signed: nobody can make another certificate that
    clients of this folder's `ca_path` would trust.
    """
    certificates = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server-key.pem")
    if not certificates.ca_path.exists():
        server_account().make_readable_folder(folder)
        _write_certificates(certificates, names)
    return certificates


def _write_certificates(certificates: Certificates, names: Sequence[x509.GeneralName]) -> None:
    account = server_account()
    ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = _sign_ca(ca_key)
    server = _sign_server(server_key.public_key(), ca, ca_key, names)
    account.write_readable_file(certificates.server_key_path, _key_pem(server_key))
    account.write_readable_file(certificates.server_certificate_path, _certificate_pem(server))
    # Written last: that it is there means that all three are.
    account.write_readable_file(certificates.ca_path, _certificate_pem(ca))


def _sign_ca(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("MyApp local certificate authority")
    return (
        _unsigned(name, name, key.public_key(), key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _sign_server(
    key: ec.EllipticCurvePublicKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: Sequence[x509.GeneralName],
) -> x509.Certificate:
    return (
        _unsigned(_name("localhost"), ca.subject, key, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, issuer_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    # A machine whose clock was just set back still accepts a certificate that began a day ago.
    not_before = datetime.now(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_before + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    unencrypted = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
    return pem.decode()
