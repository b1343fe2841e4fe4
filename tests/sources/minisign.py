"""Signatures in the format of minisign, both kinds."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Signer:
    def __init__(self, number: int = 1):
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        self._id = bytes([number]) * 8

    @property
    def public_key(self) -> str:
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(b"Ed" + self._id + raw).decode()

    def sign(self, data: bytes, legacy: bool = False) -> bytes:
        signed = data if legacy else hashlib.blake2b(data).digest()
        signature = self._key.sign(signed)
        comment = b"timestamp:1700000000"
        first = base64.b64encode((b"Ed" if legacy else b"ED") + self._id + signature)
        second = base64.b64encode(self._key.sign(signature + comment))
        return b"untrusted comment: test\n" + first + b"\ntrusted comment: " + comment + b"\n" + second + b"\n"
