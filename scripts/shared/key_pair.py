"""Makes an RSA key pair as Snowflake's users have it: both halves as base64 in one line."""

import base64
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def new_key_pair() -> tuple[str, str]:
    """The private half (PKCS#8 DER in base64) and the public half (as `ALTER USER … SET RSA_PUBLIC_KEY` takes it)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return base64.b64encode(private).decode(), public_half(private)


def public_half(private: bytes) -> str:
    """The public half of a private key in DER, as `ALTER USER … SET RSA_PUBLIC_KEY` takes it."""
    key = serialization.load_der_private_key(private, None).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def fingerprint(public: str) -> str:
    """Of a public half, as `DESC USER` shows it: SHA256:…"""
    return f"SHA256:{base64.b64encode(hashlib.sha256(base64.b64decode(public)).digest()).decode()}"
