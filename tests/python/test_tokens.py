"""Tokens between libshop and another implementation of RFC 7519, PyJWT: what one
signs the other verifies, by the shared secret of HS256 and, for ES256, by the
exported JWKS alone; and a token that PyJWT signs is good in libshop where key and
claims are right, and not where one thing is wrong.

test_tokens.py LIBSHOP_SO. Exit status 77: PyJWT is not installed."""
import base64
import ctypes
import json
import pathlib
import sqlite3
import sys
import tempfile
import unittest

try:
    import jwt
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
except ImportError:
    print("python3-jwt and python3-cryptography are not installed")
    sys.exit(77)

import libshop

S = {member: value for members in libshop.enums().values() for member, value in members.items()}
ISSUER, AUDIENCE = "https://shop.example", "till"


def given(function, *arguments):
    """Calls a function whose outputs are the last handle and the error."""
    out = ctypes.c_void_p()
    status = function(*arguments, ctypes.byref(out), None)
    return status, out.value


class Shop:
    """A store of one algorithm, with one user and a token with a scope."""

    def __init__(self, algorithm):
        self.folder = tempfile.TemporaryDirectory()
        self.path = str(pathlib.Path(self.folder.name) / "a.shop")
        config = ctypes.c_void_p()
        lib.shop_config_new(ctypes.byref(config))
        lib.shop_config_set_password_cost(config, 8, 1)
        lib.shop_config_set_token_algorithm(config, S["SHOP_TOKEN_" + algorithm])
        lib.shop_config_set_token_issuer(config, ISSUER.encode())
        lib.shop_config_set_token_audience(config, AUDIENCE.encode())
        status, self.shop = given(lib.shop_open, self.path.encode(), config)
        lib.shop_config_free(config)
        assert status == 0, status
        status, token = given(lib.shop_user_register, self.shop, b"ada@example.org",
                              b"correct horse battery", None)
        assert status == 0, status
        user_id = lib.shop_token_user_id(token)
        lib.shop_token_free(token)
        status, token = given(lib.shop_token_issue, self.shop, user_id, b"merchant stock:read", 0,
                              None)
        assert status == 0, status
        self.jwt = lib.shop_token_jwt(token).decode()
        lib.shop_token_free(token)

    def close(self):
        lib.shop_close(self.shop)
        self.folder.cleanup()

    def verify(self, text):
        status, token = given(lib.shop_token_verify, self.shop, text.encode())
        lib.shop_token_free(token)
        return status

    def jwks(self):
        status, text = given(lib.shop_key_export_jwks, self.shop)
        assert status == 0, status
        keys = json.loads(lib.shop_text_get(text).decode())
        lib.shop_text_free(text)
        return keys

    def secret(self):
        with sqlite3.connect(self.path) as db:
            return db.execute("SELECT secret FROM signing_keys WHERE state = 1").fetchone()[0]


class Tokens(unittest.TestCase):
    def check_ours(self, text, key, algorithm):
        """PyJWT takes our token, with these claims."""
        claims = jwt.decode(text, key, algorithms=[algorithm], issuer=ISSUER, audience=AUDIENCE,
                            options={"require": ["iss", "aud", "sub", "jti", "iat", "nbf", "exp"]})
        self.assertEqual(claims["scope"], "merchant stock:read")
        self.assertEqual(set(claims), {"iss", "aud", "sub", "jti", "iat", "nbf", "exp", "epoch",
                                       "scope"})
        with self.assertRaises(jwt.InvalidAudienceError):
            jwt.decode(text, key, algorithms=[algorithm], issuer=ISSUER, audience="another")
        header, payload, signature = text.split(".")
        bent = signature[:-2] + ("A" if signature[-2] != "A" else "B") + signature[-1]
        with self.assertRaises(jwt.InvalidSignatureError):
            jwt.decode(".".join((header, payload, bent)), key, algorithms=[algorithm],
                       issuer=ISSUER, audience=AUDIENCE)

    def check_theirs(self, shop, key, algorithm):
        """libshop takes a token that PyJWT signs, and none with one thing wrong."""
        header = {"kid": jwt.get_unverified_header(shop.jwt)["kid"]}
        claims = jwt.decode(shop.jwt, options={"verify_signature": False})

        def signed(changes=(), key=key, algorithm=algorithm, headers=header):
            with_changes = {name: value for name, value in {**claims, **dict(changes)}.items()
                            if value is not None}
            return jwt.encode(with_changes, key, algorithm=algorithm, headers=headers)

        self.assertEqual(shop.verify(signed()), 0)
        self.assertEqual(shop.verify(signed({"aud": ["another", AUDIENCE]})), 0)
        self.assertEqual(shop.verify(signed({"extra": {"a": [1, None]}})), 0)
        self.assertEqual(shop.verify(signed({"iat": 1, "nbf": 1, "exp": 2})),
                         S["SHOP_ERR_TOKEN_EXPIRED"])
        wrong = [{"iss": "https://shop.exampl"}, {"iss": None}, {"aud": "another"}, {"aud": None},
                 {"aud": []}, {"sub": claims["jti"]}, {"sub": None}, {"jti": claims["sub"]},
                 {"jti": None}, {"epoch": 2}, {"epoch": None}, {"exp": None}, {"iat": None},
                 {"nbf": claims["exp"] - 1}, {"exp": claims["iat"]}, {"scope": "a  b"},
                 {"iat": claims["exp"] - 1}]
        for changes in wrong:
            self.assertEqual(shop.verify(signed(changes)), S["SHOP_ERR_TOKEN_INVALID"], changes)
        for headers in ({}, {"kid": "another"}, {**header, "crit": ["exp"]},
                        {**header, "typ": "at+jwt"}):
            self.assertEqual(shop.verify(signed(headers=headers)), S["SHOP_ERR_TOKEN_INVALID"])
        self.assertEqual(shop.verify(signed(key=None, algorithm="none")),
                         S["SHOP_ERR_TOKEN_INVALID"])
        self.assertEqual(shop.verify(signed(key=b"x" * 32, algorithm="HS256")),
                         S["SHOP_ERR_TOKEN_INVALID"])

    def test_hs256(self):
        shop = Shop("HS256")
        self.assertEqual(shop.jwks(), {"keys": []})
        self.check_ours(shop.jwt, shop.secret(), "HS256")
        self.check_theirs(shop, shop.secret(), "HS256")
        shop.close()

    def test_es256_by_the_exported_keys(self):
        shop = Shop("ES256")
        (exported,) = shop.jwks()["keys"]
        self.assertEqual(set(exported), {"kty", "use", "alg", "kid", "crv", "x", "y"})
        self.assertEqual([len(base64.urlsafe_b64decode(exported[one] + "=")) for one in "xy"],
                         [32, 32])
        key = {one.key_id: one.key for one in jwt.PyJWKSet.from_dict(shop.jwks()).keys}
        kid = jwt.get_unverified_header(shop.jwt)["kid"]
        self.check_ours(shop.jwt, key[kid], "ES256")
        private = load_pem_private_key(shop.secret(), None)
        self.assertEqual(private.public_key().public_numbers(), key[kid].public_numbers())
        self.check_theirs(shop, private, "ES256")
        shop.close()

    def test_rotated_keys_are_in_the_set(self):
        """Who has the set of today can check the tokens of yesterday and of today."""
        shop = Shop("ES256")
        self.assertEqual(lib.shop_key_rotate(shop.shop, 0, None, None), 0)
        status, token = given(lib.shop_user_login, shop.shop, b"ada@example.org",
                              b"correct horse battery", None)
        self.assertEqual(status, 0)
        keys = {one.key_id: one.key for one in jwt.PyJWKSet.from_dict(shop.jwks()).keys}
        self.assertEqual(len(keys), 2)
        for text in (shop.jwt, lib.shop_token_jwt(token).decode()):
            kid = jwt.get_unverified_header(text)["kid"]
            jwt.decode(text, keys[kid], algorithms=["ES256"], issuer=ISSUER, audience=AUDIENCE)
        lib.shop_token_free(token)
        shop.close()


if __name__ == "__main__":
    lib = libshop.load(sys.argv.pop(1))
    unittest.main()
