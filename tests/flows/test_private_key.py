"""The Snowflake key is taken in every form people keep it in, and no message shows any of it."""

import base64
import textwrap

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from flows.shared.private_key import PrivateKeyError, private_key_der

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
DER = KEY.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption())
PEM = KEY.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
PKCS1 = KEY.private_bytes(s.Encoding.PEM, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption())
BODY = base64.b64encode(DER).decode()

FORMS = {
    "DER": DER,
    "base64 body": BODY,
    "base64 body on many lines": "\n".join(textwrap.wrap(BODY, 64)) + "\n",
    "base64 body with CRLF": "\r\n".join(textwrap.wrap(BODY, 64)),
    "base64 body as bytes": BODY.encode(),
    "PEM": PEM.decode(),
    "PEM as bytes": PEM,
    "PEM with written line breaks": PEM.decode().replace("\n", "\\n"),
    "PEM of PKCS#1": PKCS1.decode(),
    "base64 of PEM": base64.b64encode(PEM).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_der(form):
    assert private_key_der(FORMS[form]) == DER


ENCRYPTED = KEY.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"x")).decode()
ELLIPTIC = ec.generate_private_key(ec.SECP256R1())
WRONG = {
    "an encrypted key": ENCRYPTED,
    "an empty text": "  \n",
    "text that is neither base64 nor PEM": "!" + BODY,
    "binary data that holds no private key": BODY[:400],
    "PEM that holds no private key": PEM.decode()[:600] + "\n-----END PRIVATE KEY-----",
    "a key that is not RSA": ELLIPTIC.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode(),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_key_is_told_without_showing_it(what):
    with pytest.raises(PrivateKeyError) as caught:
        private_key_der(WRONG[what])
    message = str(caught.value)
    assert f"got {what}" in message
    assert "expected an unencrypted RSA key" in message
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    text = WRONG[what].strip()
    assert not any(text[i : i + 12] in message for i in range(len(text) - 12))
