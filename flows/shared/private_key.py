"""Converts the Snowflake private key from the forms that people keep it in into the one that the connector takes."""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from flows.shared.errors import DataFlowsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


class PrivateKeyError(DataFlowsError):
    """SNOWFLAKE_PRIVATE_KEY is no usable key; the message holds no part of it."""


# What is wrong, as the message begins, and what mends it.
MAKE_A_NEW_PAIR = (
    "make a new pair with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out snowflake_rsa_key.p8` "
    "and give the Snowflake user its public half, `openssl pkey -in snowflake_rsa_key.p8 -pubout`"
)
STORE_THE_PRIVATE_HALF = (
    "store the private half, the file that begins with `-----BEGIN PRIVATE KEY-----`; if there is none, "
    + MAKE_A_NEW_PAIR
)
STORE_IT_WHOLE = "store the whole key again: `openssl pkcs8 -topk8 -nocrypt -in key.pem -out snowflake_rsa_key.p8`"
TAKE_IT_OUT = "take the key out with `openssl pkcs12 -in bundle.p12 -nocerts -nodes -out snowflake_rsa_key.p8`"
CONVERT_OPENSSH = "convert a copy of it with `ssh-keygen -p -m PKCS8 -N '' -f copy_of_the_key`, then store the copy"
CONVERT_PUTTY = "convert it with `puttygen key.ppk -O private-openssh -o key.pem`"
OPEN_IT = (
    "put the right passphrase into SNOWFLAKE_PRIVATE_KEY_PASSPHRASE, or store the key without one: "
    "`openssl pkcs8 -topk8 -nocrypt -in key.pem -out snowflake_rsa_key.p8`"
)

# Longer runs of backslashes come from text that was quoted as JSON more than once.
WRITTEN_LINE_BREAK = re.compile(r"\\+[nrt]")
PEM_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
# OpenSSL's old encryption of PKCS#1, the only one that needs lines of the PEM besides the body.
OLD_ENCRYPTION = re.compile(r"\s*Proc-Type: 4,ENCRYPTED\s+DEK-Info: ([A-Z0-9-]+,[0-9A-Fa-f]+)")
OPENSSH = b"openssh-key-v1\0"
BYTE_ORDER_MARK, BYTE_ORDER_MARK_AS_LATIN = "\ufeff", "\u00ef\u00bb\u00bf"
QUOTES_AND_BLANKS = " \t\r\n\0'\"`\u201c\u201d" + BYTE_ORDER_MARK


def private_key_der(key: str | bytes, passphrase: str | None = None) -> bytes:
    """Return the RSA key, of at least 2048 bits, as unencrypted PKCS#8 DER.

    Accepts PKCS#8 and PKCS#1, plain or encrypted with `passphrase`, as DER, PEM or the base64 of either, however
    lines, quotes, backslashes and a byte-order mark came out of copying. A passphrase that a plain key does not need
    is ignored. Raises PrivateKeyError, with the command that makes the right key from what was given.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    loaded = _loaded(_unwrapped(key), passphrase)
    if not isinstance(loaded, RSAPrivateKey):
        # The class is cryptography's name of the kind, such as ECPrivateKey.
        raise _error(f"a key of another kind than RSA ({type(loaded).__name__.removesuffix('PrivateKey')})")
    if loaded.key_size < 2048:
        raise _error(f"an RSA key of {loaded.key_size} bits, which Snowflake refuses")
    return loaded.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _error(got: str, remedy: str = MAKE_A_NEW_PAIR) -> PrivateKeyError:
    return PrivateKeyError(
        f"SNOWFLAKE_PRIVATE_KEY: got {got}; expected an RSA private key of at least 2048 bits (PKCS#8 or PKCS#1, as "
        f"PEM, DER or base64); {remedy}."
    )


def _unwrapped(key: str | bytes) -> bytes:
    """Return the DER inside the key's text, or its PEM if OpenSSL's old encryption needs that."""
    for _ in range(3):  # The base64 of base64 of a PEM is as deep as it goes.
        if isinstance(key, bytes):
            # A DER key is an ASN.1 sequence, and a key's bytes are not all ASCII.
            if (key[:1] == b"\x30" and not key.isascii()) or key.startswith(OPENSSH):
                return key
            key = key.decode("utf-16" if key[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", errors="replace")
        text = WRITTEN_LINE_BREAK.sub("\n", key.removeprefix(BYTE_ORDER_MARK_AS_LATIN)).strip(QUOTES_AND_BLANKS + "\\")
        if not text:
            raise _error("an empty text", STORE_IT_WHOLE)
        if "-----BEGIN" in text:
            return _pem_body(text)
        _refuse_other_text(text)
        decoded = _decoded(text)
        if not decoded:
            break
        key = decoded
    raise _error("text that is no key in PEM or base64", STORE_IT_WHOLE)


def _pem_body(text: str) -> bytes:
    """Return the body of the PEM block that holds a private key, or of the first block: Bag Attributes, certificates
    and parameters may stand around it, and blanks where line breaks were."""
    blocks: list[tuple[str, str]] = PEM_BLOCK.findall(text)
    if not blocks:
        raise _error("a PEM that is cut off or damaged", STORE_IT_WHOLE)
    label, body = next((block for block in blocks if "PRIVATE KEY" in block[0]), blocks[0])
    if old := OLD_ENCRYPTION.match(body):
        lines = "\n".join(body[old.end() :].split())
        return (
            f"-----BEGIN {label}-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: {old[1]}\n\n{lines}\n-----END {label}-----\n"
        ).encode()
    decoded = _decoded(body)
    if decoded is None:
        raise _error("a PEM that is cut off or damaged", STORE_IT_WHOLE)
    return decoded


def _decoded(text: str) -> bytes | None:
    """Return what base64 text stands for, standard or URL-safe, with or without padding; None if it is none."""
    # Quotes are between the lines if each of them is a string of a program.
    body = re.sub(r"[\s'\"\\]", "", text).replace("-", "+").replace("_", "/").rstrip("=")
    with suppress(binascii.Error, ValueError):
        return base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    return None


def _refuse_other_text(text: str) -> None:
    if re.match(r"(ssh|ecdsa|sk)-\S+ AAAA", text) or text.startswith("---- BEGIN SSH2 PUBLIC KEY"):
        raise _error("a public key in OpenSSH's form", STORE_THE_PRIVATE_HALF)
    if text.startswith("PuTTY-User-Key-File"):
        raise _error("a PuTTY key", CONVERT_PUTTY)
    if len(text) < 200 and re.search(r"\.(p8|pem|key|der|pk8|txt)$", text):
        raise _error("the name of a file", "store what the file holds, not its name")


def _loaded(data: bytes, passphrase: str | None) -> PrivateKeyTypes:
    # Nothing is raised inside `except`: the libraries' errors would stay attached to ours.
    plain, is_encrypted = _try_to_load(data, None)
    if plain:
        return plain
    if not is_encrypted:
        raise _error(*_what_else_it_is(data))
    if not passphrase:
        raise _error("an encrypted key without its passphrase", OPEN_IT)
    # A value that came from a file ends with that file's line break, which is not part of the passphrase.
    opened, _ = _try_to_load(data, passphrase.removeprefix(BYTE_ORDER_MARK).rstrip("\r\n").encode())
    if not opened:
        raise _error("an encrypted key that the passphrase does not open", OPEN_IT)
    return opened


def _try_to_load(data: bytes, passphrase: bytes | None) -> tuple[PrivateKeyTypes | None, bool]:
    """Return the key, if it could be loaded, and whether it is encrypted and no passphrase was given."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    is_pem = data.startswith(b"-----BEGIN")
    load = serialization.load_pem_private_key if is_pem else serialization.load_der_private_key
    try:
        return load(data, passphrase), False
    except TypeError:
        return None, passphrase is None
    except (ValueError, UnsupportedAlgorithm):
        return None, False


def _what_else_it_is(data: bytes) -> tuple[str, str]:
    """Return what the bytes are that are no private key, and what to do about it."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_der_public_key, pkcs12

    if data.startswith(OPENSSH):
        return (
            ("a key in OpenSSH's form", CONVERT_OPENSSH)
            if b"ssh-rsa" in data  # The kind stands in the unencrypted half.
            else ("a key in OpenSSH's form of another kind than RSA", MAKE_A_NEW_PAIR)
        )
    with suppress(Exception):
        load_der_public_key(data)
        return "a public key", STORE_THE_PRIVATE_HALF
    with suppress(Exception):
        x509.load_der_x509_certificate(data)
        return "a certificate", STORE_THE_PRIVATE_HALF
    with suppress(Exception):
        x509.load_der_x509_csr(data)
        return "a certificate request", STORE_THE_PRIVATE_HALF
    try:
        pkcs12.load_pkcs12(data, None)
        is_bundle = True
    except Exception as error:
        is_bundle = "password" in str(error)  # It is opened by one; what is no bundle cannot be read at all.
    if is_bundle:
        return "a PKCS#12 bundle", TAKE_IT_OUT
    return "data that holds no private key, or only a part of one", STORE_IT_WHOLE
