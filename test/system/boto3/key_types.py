"""What boto3 must see of asymmetric and HMAC keys. Run with the name of one promise; it ends with 0 when it is kept."""

import hashlib
import hmac
import json
import os
import sys

from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from promise import ACCOUNT, answers_fit, check, client, refused

MESSAGE = bytes(range(256)) * 16

RSA = ["RSA_2048", "RSA_3072", "RSA_4096"]
CURVES = {
    "ECC_NIST_P256": (ec.SECP256R1, "ECDSA_SHA_256"),
    "ECC_NIST_P384": (ec.SECP384R1, "ECDSA_SHA_384"),
    "ECC_NIST_P521": (ec.SECP521R1, "ECDSA_SHA_512"),
    "ECC_SECG_P256K1": (ec.SECP256K1, "ECDSA_SHA_256"),
}
MACS = ["HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"]


def new_key(kms, spec, usage):
    return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]


def public_key(kms, key_id):
    return serialization.load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])


def hash_of(algorithm):
    return {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[algorithm[-3:]]()


def scheme(algorithm, prehashed=False):
    """What cryptography wants to know, beside signature and message, to sign or verify with an algorithm of AWS's."""
    chosen = hash_of(algorithm)
    given = Prehashed(chosen) if prehashed else chosen
    if algorithm.startswith("ECDSA"):
        return (ec.ECDSA(given),)
    if algorithm.startswith("RSASSA_PSS"):
        return (padding.PSS(mgf=padding.MGF1(chosen), salt_length=chosen.digest_size), given)
    return (padding.PKCS1v15(), given)


def signing_keys(kms):
    """Each spec that signs, with a key of it and all of its algorithms."""
    for spec in (*RSA, *CURVES):
        metadata = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
        yield metadata["KeyId"], metadata["SigningAlgorithms"]


def specs():
    kms = client()
    model = kms.meta.service_model
    made = {}
    for spec in model.shape_for("KeySpec").enum:
        for usage in model.shape_for("KeyUsageType").enum:
            try:
                metadata = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
            except ClientError as error:
                check.assertEqual(error.response["Error"]["Code"], "ValidationException")
                text = error.response["Error"]["Message"]
                if spec == "SM2":
                    check.assertIn("Value 'SM2' at 'keySpec' failed to satisfy constraint", text)
                else:
                    check.assertEqual(text, f"KeyUsage {usage} is not compatible with KeySpec {spec}")
                continue
            check.assertEqual(metadata["KeySpec"], spec)
            check.assertEqual(metadata["CustomerMasterKeySpec"], spec)
            check.assertEqual(metadata["KeyUsage"], usage)
            named = [name for name in metadata if name.endswith("Algorithms")]
            check.assertEqual(len(named), 1)
            made.setdefault(spec, {})[usage] = {named[0]: metadata[named[0]]}
            check.assertEqual(kms.describe_key(KeyId=metadata["KeyId"])["KeyMetadata"], metadata)
    rsa_usages = {
        "SIGN_VERIFY": {
            "SigningAlgorithms": [
                f"RSASSA_{padding}_SHA_{bits}" for padding in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)
            ]
        },
        "ENCRYPT_DECRYPT": {"EncryptionAlgorithms": ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]},
    }
    check.assertEqual(
        made,
        {
            **{spec: rsa_usages for spec in RSA},
            **{spec: {"SIGN_VERIFY": {"SigningAlgorithms": [algorithm]}} for spec, (_, algorithm) in CURVES.items()},
            "SYMMETRIC_DEFAULT": {"ENCRYPT_DECRYPT": {"EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"]}},
            **{spec: {"GENERATE_VERIFY_MAC": {"MacAlgorithms": [spec.replace("_", "_SHA_")]}} for spec in MACS},
        },
    )


def signatures():
    kms = client()
    for key_id, algorithms in signing_keys(kms):
        public = public_key(kms, key_id)
        for algorithm in algorithms:
            asked = {"KeyId": key_id, "Message": MESSAGE, "SigningAlgorithm": algorithm}
            signature = kms.sign(**asked)["Signature"]
            public.verify(signature, MESSAGE, *scheme(algorithm))
            verified = kms.verify(**asked, Signature=signature)
            check.assertIs(verified["SignatureValid"], True)
            check.assertEqual(verified["SigningAlgorithm"], algorithm)

            flipped = bytes([*signature[:-1], signature[-1] ^ 1])
            with check.assertRaises(InvalidSignature):
                public.verify(flipped, MESSAGE, *scheme(algorithm))
            for wrong in (flipped, signature[:-1], signature + b"\0"):
                check.assertEqual(refused("KMSInvalidSignatureException", kms.verify, **asked, Signature=wrong), "")
            other = {**asked, "Message": MESSAGE[:-1]}
            check.assertEqual(refused("KMSInvalidSignatureException", kms.verify, **other, Signature=signature), "")


def digests():
    kms = client()
    file = os.urandom(1 << 20)
    for key_id, algorithms in signing_keys(kms):
        public = public_key(kms, key_id)
        for algorithm in algorithms:
            digest = hashlib.new(hash_of(algorithm).name, file).digest()
            asked = {"KeyId": key_id, "Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": algorithm}
            signature = kms.sign(**asked)["Signature"]
            public.verify(signature, file, *scheme(algorithm))
            public.verify(signature, digest, *scheme(algorithm, prehashed=True))
            check.assertIs(kms.verify(**asked, Signature=signature)["SignatureValid"], True)
            # As a message the digest is hashed once more, and then it is another one.
            raw = {**asked, "MessageType": "RAW"}
            check.assertEqual(refused("KMSInvalidSignatureException", kms.verify, **raw, Signature=signature), "")
            for wrong in (digest[:-1], digest + b"\0"):
                check.assertEqual(
                    refused("ValidationException", kms.sign, **{**asked, "Message": wrong}),
                    f"Digest is invalid length for algorithm {algorithm}.",
                )


def macs():
    kms = client()
    for spec in MACS:
        key_id = new_key(kms, spec, "GENERATE_VERIFY_MAC")
        algorithm = spec.replace("_", "_SHA_")
        asked = {"KeyId": key_id, "Message": MESSAGE, "MacAlgorithm": algorithm}
        mac = kms.generate_mac(**asked)["Mac"]
        check.assertEqual(len(mac) * 8, int(spec[-3:]))
        check.assertEqual(kms.generate_mac(**asked)["Mac"], mac)
        verified = kms.verify_mac(**asked, Mac=mac)
        check.assertIs(verified["MacValid"], True)
        check.assertEqual(verified["MacAlgorithm"], algorithm)
        for wrong in (bytes([mac[0] ^ 1]) + mac[1:], mac[:16], mac + b"\0"):
            check.assertEqual(refused("KMSInvalidMacException", kms.verify_mac, **asked, Mac=wrong), "")
        check.assertEqual(
            refused("KMSInvalidMacException", kms.verify_mac, **{**asked, "Message": MESSAGE[:-1]}, Mac=mac), ""
        )
        # The key is not ours to see: the best that Python can say is that it is none that it knows.
        check.assertNotEqual(mac, hmac.digest(bytes(len(mac)), MESSAGE, "sha" + spec[-3:]))
        with check.assertRaises(kms.exceptions.UnsupportedOperationException):
            kms.get_public_key(KeyId=key_id)


def encryption():
    kms = client()
    context = {"purpose": "moved"}
    symmetric = kms.create_key()["KeyMetadata"]["KeyId"]
    for spec in RSA:
        key_id = new_key(kms, spec, "ENCRYPT_DECRYPT")
        public = public_key(kms, key_id)
        for algorithm, chosen in (("RSAES_OAEP_SHA_1", hashes.SHA1()), ("RSAES_OAEP_SHA_256", hashes.SHA256())):
            oaep = padding.OAEP(mgf=padding.MGF1(chosen), algorithm=chosen, label=None)
            named = {"KeyId": key_id, "EncryptionAlgorithm": algorithm}
            longest = public.key_size // 8 - 2 * chosen.digest_size - 2
            for plaintext in (b"\0", os.urandom(longest)):
                sealed = public.encrypt(plaintext, oaep)
                opened = kms.decrypt(CiphertextBlob=sealed, **named)
                check.assertEqual(opened["Plaintext"], plaintext)
                check.assertEqual(opened["EncryptionAlgorithm"], algorithm)
                blob = kms.encrypt(Plaintext=plaintext, **named)["CiphertextBlob"]
                check.assertEqual(len(blob), public.key_size // 8)
                check.assertEqual(kms.decrypt(CiphertextBlob=blob, **named)["Plaintext"], plaintext)
            check.assertEqual(
                refused("ValidationException", kms.encrypt, Plaintext=bytes(longest + 1), **named),
                f"Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {longest} bytes.",
            )
            moved = kms.re_encrypt(
                CiphertextBlob=sealed,
                SourceKeyId=key_id,
                SourceEncryptionAlgorithm=algorithm,
                DestinationKeyId=symmetric,
                DestinationEncryptionContext=context,
            )
            check.assertEqual(moved["SourceEncryptionAlgorithm"], algorithm)
            opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext=context)
            check.assertEqual(opened["Plaintext"], plaintext)
            # Whatever is wrong with a ciphertext, its refusal looks the same.
            for wrong in (sealed[:-1], sealed + b"\0", bytes(len(sealed)), b"\xff" * len(sealed), sealed[::-1]):
                check.assertEqual(refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=wrong, **named), "")


def spki_of(private):
    return private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def data_key_pairs():
    kms = client()
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    context = {"purpose": "pairs"}
    seen = set()
    for spec in (*RSA, *CURVES):
        asked = {"KeyId": key_id, "KeyPairSpec": spec, "EncryptionContext": context}
        pair = kms.generate_data_key_pair(**asked)
        check.assertEqual(pair["KeyPairSpec"], spec)
        private = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], password=None)
        check.assertEqual(spki_of(private), pair["PublicKey"])
        if spec in CURVES:
            check.assertIsInstance(private.curve, CURVES[spec][0])
        else:
            check.assertIsInstance(private, rsa.RSAPrivateKey)
            check.assertEqual(private.key_size, int(spec[-4:]))
            check.assertEqual(private.public_key().public_numbers().e, 65537)
        opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"], EncryptionContext=context)
        check.assertEqual(opened["Plaintext"], pair["PrivateKeyPlaintext"])

        sealed = kms.generate_data_key_pair_without_plaintext(**asked)
        check.assertNotIn("PrivateKeyPlaintext", sealed)
        opened = kms.decrypt(CiphertextBlob=sealed["PrivateKeyCiphertextBlob"], EncryptionContext=context)
        later = serialization.load_der_private_key(opened["Plaintext"], password=None)
        check.assertEqual(spki_of(later), sealed["PublicKey"])
        seen |= {pair["PublicKey"], sealed["PublicKey"]}
        refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=sealed["PrivateKeyCiphertextBlob"])
    check.assertEqual(len(seen), 2 * len((*RSA, *CURVES)), "no pair is given twice")


def errors():
    kms = client()
    signing = new_key(kms, "ECC_NIST_P256", "SIGN_VERIFY")
    encrypting = new_key(kms, "RSA_2048", "ENCRYPT_DECRYPT")
    symmetric = kms.create_key()["KeyMetadata"]["KeyId"]

    def arn(key_id):
        return f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"

    with check.assertRaises(kms.exceptions.KMSInvalidSignatureException) as caught:
        kms.verify(KeyId=signing, Message=b"x", Signature=b"x", SigningAlgorithm="ECDSA_SHA_256")
    check.assertEqual(
        str(caught.exception), "An error occurred (KMSInvalidSignatureException) when calling the Verify operation: "
    )
    with check.assertRaises(kms.exceptions.KMSInvalidMacException):
        kms.verify_mac(
            KeyId=new_key(kms, "HMAC_512", "GENERATE_VERIFY_MAC"), Message=b"x", Mac=b"x", MacAlgorithm="HMAC_SHA_512"
        )
    with check.assertRaises(kms.exceptions.InvalidKeyUsageException) as caught:
        kms.sign(KeyId=encrypting, Message=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256")
    check.assertEqual(
        caught.exception.response["Error"]["Message"],
        f"{arn(encrypting)} key usage is ENCRYPT_DECRYPT which is not valid for Sign.",
    )
    check.assertEqual(
        refused("InvalidKeyUsageException", kms.sign, KeyId=signing, Message=b"x", SigningAlgorithm="ECDSA_SHA_512"),
        "Algorithm ECDSA_SHA_512 is incompatible with key spec ECC_NIST_P256.",
    )
    check.assertEqual(
        refused("InvalidKeyUsageException", kms.encrypt, KeyId=encrypting, Plaintext=b"x"),
        "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.",
    )
    check.assertEqual(
        refused("InvalidKeyUsageException", kms.generate_data_key_pair, KeyId=signing, KeyPairSpec="RSA_2048"),
        f"{arn(signing)} key usage is SIGN_VERIFY which is not valid for GenerateDataKeyPair.",
    )
    with check.assertRaises(kms.exceptions.UnsupportedOperationException):
        kms.get_public_key(KeyId=symmetric)
    check.assertEqual(
        refused("ValidationException", kms.create_key, KeySpec="RSA_2048"),
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    )
    kms.disable_key(KeyId=signing)
    with check.assertRaises(kms.exceptions.DisabledException):
        kms.sign(KeyId=signing, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    check.assertEqual(kms.get_public_key(KeyId=signing)["KeySpec"], "ECC_NIST_P256")


# Members that AWS added after this release of boto3.
YOUNGER = {"KeyMaterialId", "CurrentKeyMaterialId"}


def answers_fit_the_model():
    """Every answer has exactly the members that boto3's own model of KMS knows."""
    kms = client()
    signing = {"KeyId": new_key(kms, "RSA_2048", "SIGN_VERIFY"), "Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    mac = {"KeyId": new_key(kms, "HMAC_384", "GENERATE_VERIFY_MAC"), "Message": b"x", "MacAlgorithm": "HMAC_SHA_384"}
    encrypting = {"KeyId": new_key(kms, "RSA_2048", "ENCRYPT_DECRYPT"), "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}
    pair = {"KeyId": kms.create_key()["KeyMetadata"]["KeyId"], "KeyPairSpec": "ECC_NIST_P256"}
    calls = {
        "CreateKey": {"KeySpec": "ECC_NIST_P384", "KeyUsage": "SIGN_VERIFY"},
        "DescribeKey": {"KeyId": mac["KeyId"]},
        "GetPublicKey": {"KeyId": signing["KeyId"]},
        "Sign": signing,
        "Verify": {**signing, "Signature": kms.sign(**signing)["Signature"]},
        "GenerateMac": mac,
        "VerifyMac": {**mac, "Mac": kms.generate_mac(**mac)["Mac"]},
        "Encrypt": {**encrypting, "Plaintext": b"x"},
        "Decrypt": {**encrypting, "CiphertextBlob": kms.encrypt(**encrypting, Plaintext=b"x")["CiphertextBlob"]},
        "GenerateDataKeyPair": pair,
        "GenerateDataKeyPairWithoutPlaintext": pair,
    }
    answers_fit(kms, calls, YOUNGER)


def grants():
    kms, iam = client(), client("iam")
    user = iam.create_user(UserName="releaser")["User"]
    trust = {"Effect": "Allow", "Principal": {"AWS": user["Arn"]}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="release", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
    )["Role"]
    made = iam.create_access_key(UserName="releaser")["AccessKey"]
    sts = client("sts", aws_access_key_id=made["AccessKeyId"], aws_secret_access_key=made["SecretAccessKey"])
    issued = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="monday")["Credentials"]
    session = client(
        aws_access_key_id=issued["AccessKeyId"],
        aws_secret_access_key=issued["SecretAccessKey"],
        aws_session_token=issued["SessionToken"],
    )
    key_id = new_key(kms, "RSA_2048", "SIGN_VERIFY")
    sign = {"KeyId": key_id, "Message": b"release 1", "SigningAlgorithm": "RSASSA_PSS_SHA_512"}
    refused("AccessDeniedException", session.sign, **sign)
    kms.create_grant(KeyId=key_id, GranteePrincipal=role["Arn"], Operations=["Sign", "GetPublicKey"])
    signature = session.sign(**sign)["Signature"]
    public = serialization.load_der_public_key(session.get_public_key(KeyId=key_id)["PublicKey"])
    public.verify(signature, b"release 1", *scheme("RSASSA_PSS_SHA_512"))
    check.assertIn("kms:Verify", refused("AccessDeniedException", session.verify, **sign, Signature=signature))
    # A grant is of operations that its key can do.
    for operation in ("Encrypt", "GenerateMac", "GenerateDataKeyPair"):
        refused("ValidationException", kms.create_grant, KeyId=key_id, GranteePrincipal=role["Arn"], Operations=[operation])


PROMISES = {
    promise.__name__: promise
    for promise in (
        specs,
        signatures,
        digests,
        macs,
        encryption,
        data_key_pairs,
        errors,
        answers_fit_the_model,
        grants,
    )
}

if __name__ == "__main__":
    PROMISES[sys.argv[1]]()
