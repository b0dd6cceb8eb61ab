"""The Snowflake key is taken in every form people keep it in, and no message shows any of it."""

import base64
import json
import re
import shlex
import subprocess
import textwrap
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from flows.shared.private_key import PrivateKeyError, private_key_der

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WORDS = "pass phrase of a test"
LOCK = s.BestAvailableEncryption(WORDS.encode())
PLAIN = s.NoEncryption()


def private(key, encoding="PEM", form="PKCS8", lock=PLAIN):
    """A key as cryptography writes it: text if it is PEM."""
    written = key.private_bytes(getattr(s.Encoding, encoding), getattr(s.PrivateFormat, form), lock)
    return written.decode() if encoding == "PEM" else written


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def lines(text, end="\n", width=64):
    return end.join(textwrap.wrap(text, width)) + end


DER, PKCS1_DER, LOCKED_DER = (
    private(KEY, "DER"),
    private(KEY, "DER", "TraditionalOpenSSL"),
    private(KEY, "DER", lock=LOCK),
)
PEM, PKCS1, LOCKED = private(KEY), private(KEY, form="TraditionalOpenSSL"), private(KEY, lock=LOCK)
OLD_LOCKED = private(KEY, form="TraditionalOpenSSL", lock=LOCK)
BODY = b64(DER)
URL_SAFE = base64.urlsafe_b64encode(DER).decode()
BAG = "Bag Attributes\n    friendlyName: snowflake\n    localKeyID: 01 02 AB\nKey Attributes: <No Attributes>\n"
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "snowflake")])
CERTIFICATE = (
    x509.CertificateBuilder(NAME, NAME, KEY.public_key(), 1, datetime.now(UTC), datetime.now(UTC) + timedelta(days=1))
    .sign(KEY, hashes.SHA256())
    .public_bytes(s.Encoding.PEM)
    .decode()
)

FORMS = {
    "DER": DER,
    "DER of PKCS#1": PKCS1_DER,
    "PEM": PEM,
    "PEM as bytes": PEM.encode(),
    "PEM of PKCS#1": PKCS1,
    "PEM of PKCS#1 named as PKCS#8": PKCS1.replace("RSA PRIVATE", "PRIVATE"),
    "PEM of PKCS#8 named as PKCS#1": PEM.replace("PRIVATE", "RSA PRIVATE"),
    "PEM with CRLF": PEM.replace("\n", "\r\n"),
    "PEM with CR": PEM.replace("\n", "\r"),
    "PEM without its last line break": PEM.rstrip(),
    "PEM between blank lines": f"\n\n  {PEM}\n\n",
    "PEM with indented lines": textwrap.indent(PEM, "    "),
    "PEM with its body on one line": f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----",
    "PEM with longer lines": f"-----BEGIN PRIVATE KEY-----\n{lines(BODY, width=76)}-----END PRIVATE KEY-----",
    "PEM as pasted into a console": PEM.replace("\n", " "),
    "PEM without any line break": PEM.replace("\n", ""),
    "PEM of PKCS#1 as pasted into a console": PKCS1.replace("\n", " "),
    "PEM with written line breaks": PEM.replace("\n", "\\n"),
    "PEM with written CRLF": PEM.replace("\n", "\\r\\n"),
    "PEM with written and real line breaks": PEM.replace("\n", "\\n\n"),
    "PEM as a JSON string": json.dumps(PEM),
    "PEM as a JSON string of a JSON string": json.dumps(json.dumps(PEM)),
    "PEM in single quotes": f"'{PEM}'",
    "PEM in double quotes": f'"{PEM}"',
    "PEM in typographic quotes": f"\u201c{PEM}\u201d",
    "PEM as strings of a program": "\n".join(f'"{line}\\n"' for line in PEM.splitlines()),
    "PEM with a byte-order mark": "\ufeff" + PEM,
    "PEM as bytes with a byte-order mark": b"\xef\xbb\xbf" + PEM.encode(),
    "PEM with a byte-order mark read as Latin": "\u00ef\u00bb\u00bf" + PEM,
    "PEM as PowerShell redirects it": PEM.replace("\n", "\r\n").encode("utf-16"),
    "PEM with Bag Attributes": BAG + PEM,
    "PEM with Bag Attributes as pasted into a console": (BAG + PEM).replace("\n", " "),
    "PEM after its certificate": CERTIFICATE + BAG + PEM,
    "PEM before its certificate": PEM + CERTIFICATE,
    "base64 of DER": BODY,
    "base64 of DER of PKCS#1": b64(PKCS1_DER),
    "base64 on many lines": lines(BODY),
    "base64 on lines of 76": lines(BODY, width=76),
    "base64 with CRLF": lines(BODY, "\r\n"),
    "base64 with written line breaks": lines(BODY, "\\n"),
    "base64 with written CRLF": lines(BODY, "\\r\\n"),
    "base64 as pasted into a console": lines(BODY, " "),
    "base64 as bytes": BODY.encode(),
    "base64 in quotes": f'"{BODY}"',
    "base64 with a byte-order mark": "\ufeff" + BODY,
    "base64 without padding": BODY.rstrip("="),
    "URL-safe base64": URL_SAFE,
    "URL-safe base64 without padding": URL_SAFE.rstrip("="),
    "base64 of PEM": b64(PEM),
    "base64 of PEM of PKCS#1": b64(PKCS1),
    "base64 of PEM on many lines": lines(b64(PEM), width=76),
    "base64 of PEM with CRLF": b64(PEM.replace("\n", "\r\n")),
    "base64 of base64": b64(BODY),
}
LOCKED_FORMS = {
    "DER": LOCKED_DER,
    "PEM": LOCKED,
    "PEM as pasted into a console": LOCKED.replace("\n", " "),
    "PEM with Bag Attributes": BAG + LOCKED,
    "base64 of DER": b64(LOCKED_DER),
    "base64 of PEM": b64(LOCKED),
    "PEM of PKCS#1": OLD_LOCKED,
    "PEM of PKCS#1 with CRLF": OLD_LOCKED.replace("\n", "\r\n"),
    "PEM of PKCS#1 as pasted into a console": OLD_LOCKED.replace("\n\n", " ").replace("\n", " "),
    "PEM of PKCS#1 with written line breaks": OLD_LOCKED.replace("\n", "\\n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_der(form):
    assert private_key_der(FORMS[form]) == DER


@pytest.mark.parametrize("form", LOCKED_FORMS)
def test_every_encrypted_form_is_opened_by_its_passphrase(form):
    assert private_key_der(LOCKED_FORMS[form], WORDS) == DER


def test_a_passphrase_may_end_with_the_line_break_of_its_file():
    assert private_key_der(LOCKED, WORDS + "\r\n") == DER


def test_a_passphrase_that_the_key_does_not_need_is_ignored():
    assert private_key_der(PEM, WORDS) == DER


def public(encoding, form):
    return KEY.public_key().public_bytes(getattr(s.Encoding, encoding), getattr(s.PublicFormat, form))


SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - it is to be refused.
CURVE, EDWARDS = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
BUNDLE = pkcs12.serialize_key_and_certificates(b"snowflake", KEY, None, None, LOCK)
REQUEST = x509.CertificateSigningRequestBuilder(NAME).sign(KEY, hashes.SHA256()).public_bytes(s.Encoding.PEM).decode()
NEW, WHOLE, PRIVATE_HALF = "openssl genpkey", "openssl pkcs8 -topk8 -nocrypt", "the private half"
PASS, CONVERT = "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "ssh-keygen -p -m PKCS8"

# What is given, what the message calls it, and a part of what the message says to do.
REFUSED = {
    "encrypted PEM": (LOCKED, "an encrypted key without its passphrase", PASS),
    "encrypted DER": (LOCKED_DER, "an encrypted key without its passphrase", PASS),
    "encrypted PKCS#1": (OLD_LOCKED, "an encrypted key without its passphrase", PASS),
    "encrypted base64": (b64(LOCKED_DER), "an encrypted key without its passphrase", PASS),
    "OpenSSH": (private(KEY, form="OpenSSH"), "a key in OpenSSH's form;", CONVERT),
    "OpenSSH in base64": (b64(private(KEY, form="OpenSSH")), "a key in OpenSSH's form;", CONVERT),
    "OpenSSH's body": ("".join(private(KEY, form="OpenSSH").splitlines()[1:-1]), "a key in OpenSSH's form;", CONVERT),
    "OpenSSH Ed25519": (private(EDWARDS, form="OpenSSH"), "a key in OpenSSH's form of another kind than RSA", NEW),
    "EC": (private(CURVE), "a key of another kind than RSA (EC)", NEW),
    "EC in its old form": (private(CURVE, form="TraditionalOpenSSL"), "a key of another kind than RSA (EC)", NEW),
    "EC in DER": (private(CURVE, "DER"), "a key of another kind than RSA (EC)", NEW),
    "Ed25519": (private(EDWARDS), "a key of another kind than RSA (Ed25519)", NEW),
    "Ed25519 in DER": (private(EDWARDS, "DER"), "a key of another kind than RSA (Ed25519)", NEW),
    "RSA 1024": (private(SMALL), "an RSA key of 1024 bits", NEW),
    "RSA 1024 in base64": (b64(private(SMALL, "DER")), "an RSA key of 1024 bits", NEW),
    "certificate": (CERTIFICATE, "a certificate;", PRIVATE_HALF),
    "certificate request": (REQUEST, "a certificate request;", PRIVATE_HALF),
    "public key": (public("PEM", "SubjectPublicKeyInfo").decode(), "a public key;", PRIVATE_HALF),
    "public PKCS#1": (public("PEM", "PKCS1").decode(), "a public key;", PRIVATE_HALF),
    "public key in base64": (b64(public("DER", "SubjectPublicKeyInfo")), "a public key;", PRIVATE_HALF),
    "public OpenSSH": (public("OpenSSH", "OpenSSH").decode(), "a public key in OpenSSH's form", PRIVATE_HALF),
    "PKCS#12": (BUNDLE, "a PKCS#12 bundle", "openssl pkcs12"),
    "PKCS#12 in base64": (b64(BUNDLE), "a PKCS#12 bundle", "openssl pkcs12"),
    "PuTTY": (f"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\n{BODY}", "a PuTTY key", "puttygen"),
    "a file's name": ("/home/somebody/snowflake_rsa_key.p8", "the name of a file", "what the file holds"),
    "nothing": ("  \n", "an empty text", WHOLE),
    "other text": ("!" + BODY, "text that is no key in PEM or base64", WHOLE),
    "base64 of other text": (b64("a sentence " * 9), "text that is no key in PEM or base64", WHOLE),
    "half a PEM": (PEM[:600], "a PEM that is cut off or damaged", WHOLE),
    "a damaged PEM": (PEM.replace("M", "!"), "a PEM that is cut off or damaged", WHOLE),
    "a PEM with its middle missing": (
        "\n".join(PEM.splitlines()[:5] + PEM.splitlines()[9:]),
        "data that holds no private key",
        WHOLE,
    ),
    "half a base64": (BODY[:400], "data that holds no private key", WHOLE),
    "half a DER": (DER[:400], "data that holds no private key", WHOLE),
}


def refusal(key, passphrase=None):
    """The message, after seeing that neither it nor what is attached to it holds a part of key or passphrase."""
    with pytest.raises(PrivateKeyError) as caught:
        private_key_der(key, passphrase)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    message = str(caught.value)
    text = key.strip() if isinstance(key, str) else b64(key)
    # Twelve characters would show a key; the frame of a PEM is no part of it.
    text = re.sub(r"-----(BEGIN|END) [A-Z ]+-----", "\n", text)
    assert not any(text[i : i + 12] in message for i in range(len(text) - 12))
    assert passphrase is None or passphrase not in message
    return message


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_usable_key_is_refused_by_what_it_is(what):
    key, got, remedy = REFUSED[what]
    message = refusal(key)
    assert f"SNOWFLAKE_PRIVATE_KEY: got {got}" in message
    assert "; expected an RSA private key of at least 2048 bits" in message
    assert remedy in message


@pytest.mark.parametrize("form", LOCKED_FORMS)
def test_a_wrong_passphrase_is_told(form):
    assert "got an encrypted key that the passphrase does not open" in refusal(LOCKED_FORMS[form], "another one")


def test_an_encrypted_openssh_key_is_refused_as_one_in_openssh_form(tmp_path):
    path = tmp_path / "key"
    path.write_text(private(KEY, form="OpenSSH"))
    path.chmod(0o600)
    # cryptography writes no encrypted one without another library.
    subprocess.run(["ssh-keygen", "-p", "-q", "-N", WORDS, "-f", path], check=True, capture_output=True, timeout=60)
    assert "got a key in OpenSSH's form;" in refusal(path.read_text(), WORDS)


SAID = {
    "encrypted PEM": (LOCKED, "key.pem"),
    "OpenSSH": (private(KEY, form="OpenSSH"), "copy_of_the_key"),
    "PKCS#12": (BUNDLE, "bundle.p12"),
    "EC": (private(CURVE), ""),
    "RSA 1024": (private(SMALL), ""),
    "certificate": (CERTIFICATE, ""),
    "PEM in two halves": (PEM[:600], "key.pem"),
}


@pytest.mark.parametrize("what", SAID)
def test_the_command_of_the_message_makes_a_key_that_is_taken(what, tmp_path):
    key, name = SAID[what]
    command, *_ = [c for c in re.findall(r"`([^`]+)`", refusal(key)) if c.startswith(("openssl", "ssh-keygen"))]
    if name:
        whole = PEM if what == "PEM in two halves" else key
        (tmp_path / name).write_bytes(whole if isinstance(whole, bytes) else whole.encode())
        (tmp_path / name).chmod(0o600)
    # The commands ask for the passphrase on the terminal; a test has none.
    words = shlex.split(command) + (["-passin", f"pass:{WORDS}"] if name in ("key.pem", "bundle.p12") else [])
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    made = (tmp_path / (name if "ssh-keygen" in command else "snowflake_rsa_key.p8")).read_text()
    assert private_key_der(made) == DER if name else len(private_key_der(made)) > 1000
