"""Converts the Snowflake private key from any usual form into the one that the connector takes."""

import base64
import binascii

from flows.shared.errors import DataFlowsError


class PrivateKeyError(DataFlowsError):
    """SNOWFLAKE_PRIVATE_KEY is no usable key; the message holds no part of it."""


EXPECTED = (
    "expected an unencrypted RSA key as a base64 PKCS#8 body, PEM or DER; "
    "store it again, for example the output of `openssl pkcs8 -topk8 -nocrypt -in key.pem`"
)


def private_key_der(key: str | bytes) -> bytes:
    """Return the key as unencrypted PKCS#8 DER.

    Accepts DER bytes; PEM, also with its line breaks written as a backslash and an n; the base64 body of either on
    one line or many. Raises PrivateKeyError.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    data = _decoded(key)
    is_pem = data.lstrip().startswith(b"-----BEGIN")
    load = serialization.load_pem_private_key if is_pem else serialization.load_der_private_key
    try:
        loaded = load(data.strip() if is_pem else data, password=None)
    except TypeError:
        raise PrivateKeyError(f"SNOWFLAKE_PRIVATE_KEY: got an encrypted key; {EXPECTED}.") from None
    except (ValueError, UnsupportedAlgorithm):
        kind = "PEM" if is_pem else "binary data"
        raise PrivateKeyError(f"SNOWFLAKE_PRIVATE_KEY: got {kind} that holds no private key; {EXPECTED}.") from None
    if not isinstance(loaded, RSAPrivateKey):
        raise PrivateKeyError(f"SNOWFLAKE_PRIVATE_KEY: got a key that is not RSA; {EXPECTED}.")
    return loaded.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _decoded(key: str | bytes) -> bytes:
    if isinstance(key, bytes):
        # A DER key starts with an ASN.1 sequence; anything else is text that came as bytes.
        if key[:1] == b"\x30":
            return key
        key = key.decode("ascii", errors="replace")
    text = key.strip().replace("\\n", "\n")
    if not text:
        raise PrivateKeyError(f"SNOWFLAKE_PRIVATE_KEY: got an empty text; {EXPECTED}.")
    if text.startswith("-----BEGIN"):
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise PrivateKeyError(f"SNOWFLAKE_PRIVATE_KEY: got text that is neither base64 nor PEM; {EXPECTED}.") from None
