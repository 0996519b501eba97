"""What boto3 must see of a server. Run with the name of one promise; it ends with 0 when it is kept."""

import base64
import contextlib
import datetime
import functools
import io
import os
import runpy
import sys
from decimal import Decimal
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from promise import ACCOUNT, ENDPOINT, answers_fit, check, client, refused

HERE = Path(__file__).parent


def other_account():
    return client(
        aws_access_key_id=os.environ["OTHER_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["OTHER_SECRET_ACCESS_KEY"],
    )


def new_key(kms, alias=None, **parameters):
    key_id = kms.create_key(**parameters)["KeyMetadata"]["KeyId"]
    if alias is not None:
        kms.create_alias(AliasName=alias, TargetKeyId=key_id)
    return key_id


@contextlib.contextmanager
def unaware_of_the_endpoint():
    """Programs that call boto3.client without an endpoint reach the server; this release of boto3 has no setting for it."""
    original = boto3.client
    boto3.client = functools.partial(original, endpoint_url=ENDPOINT)
    try:
        yield
    finally:
        boto3.client = original


def application():
    kms = client()
    key_id = new_key(kms, "alias/app-encryption-key")
    with unaware_of_the_endpoint():
        made = runpy.run_path(str(HERE / "application.py"))
    check.assertEqual(made["decrypted"], "Sensitive data")
    # What was stored is all that a reader has.
    stored = made["stored_data"]
    opened = kms.decrypt(
        CiphertextBlob=base64.b64decode(stored["encrypted_data_key"]),
        EncryptionContext={"purpose": "envelope", "application": "myapp"},
    )
    check.assertEqual(opened["Plaintext"], made["data_key"]["plaintext"])
    check.assertEqual(len(opened["Plaintext"]), 32)
    check.assertTrue(opened["KeyId"].endswith(key_id))
    token = base64.b64decode(stored["encrypted_data"])
    fernet = made["Fernet"](base64.urlsafe_b64encode(made["hashlib"].sha256(opened["Plaintext"]).digest()))
    check.assertEqual(fernet.decrypt(token).decode(), made["large_data"])

    # Each of its methods shows what is refused, and raises.
    wrapper = made["kms"]
    for call, text in (
        (lambda: wrapper.decrypt_data(made["encrypted"], {"purpose": "other"}), "Decryption failed"),
        (lambda: made["KMSEncryption"]("alias/missing").encrypt_data("x"), "Encryption failed"),
        (lambda: wrapper.generate_data_key("AES_512"), "Data key generation failed"),
    ):
        said = io.StringIO()
        with unaware_of_the_endpoint(), contextlib.redirect_stdout(said), check.assertRaises(ClientError):
            call()
        check.assertIn(text, said.getvalue())


def envelope():
    new_key(client(), "alias/my-app-key")
    with unaware_of_the_endpoint():
        made = runpy.run_path(str(HERE / "envelope.py"))
    check.assertEqual(made["decrypted_data"], b"This is my secret data.")
    check.assertNotIn(made["data_key_plaintext"], made["data_key_encrypted"])


def types():
    kms = client()
    before = datetime.datetime.now(datetime.timezone.utc)
    metadata = kms.create_key(Description="types", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    check.assertIsInstance(metadata["CreationDate"], datetime.datetime)
    check.assertLess(abs(metadata["CreationDate"] - before), datetime.timedelta(minutes=1))
    check.assertIs(metadata["Enabled"], True)
    check.assertIs(metadata["MultiRegion"], False)
    check.assertEqual(metadata["EncryptionAlgorithms"], ["SYMMETRIC_DEFAULT"])
    key_id = metadata["KeyId"]

    every_byte = bytes(range(256)) * 16
    for plaintext in (b"\x00", every_byte, bytearray(every_byte)):
        sealed = kms.encrypt(KeyId=key_id, Plaintext=plaintext, EncryptionContext={"snow\u2603": "\U0001f511", "": ""})
        check.assertIsInstance(sealed["CiphertextBlob"], bytes)
        opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"": "", "snow\u2603": "\U0001f511"})
        check.assertIsInstance(opened["Plaintext"], bytes)
        check.assertEqual(opened["Plaintext"], b"\x00" if plaintext == b"\x00" else every_byte)
    text = kms.encrypt(KeyId=key_id, Plaintext="h\u00e9llo")["CiphertextBlob"]
    check.assertEqual(kms.decrypt(CiphertextBlob=text)["Plaintext"], "h\u00e9llo".encode())

    check.assertEqual(len(kms.generate_random(NumberOfBytes=1024)["Plaintext"]), 1024)
    scheduled = kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    check.assertIsInstance(scheduled["DeletionDate"], datetime.datetime)
    check.assertIsInstance(scheduled["PendingWindowInDays"], int)
    check.assertEqual((scheduled["DeletionDate"] - before).days, 7)
    for empty in (kms.enable_key, kms.disable_key):
        check.assertIn("is pending deletion", refused("KMSInvalidStateException", empty, KeyId=key_id))
    kms.cancel_key_deletion(KeyId=key_id)
    check.assertEqual(set(kms.enable_key(KeyId=key_id)), {"ResponseMetadata"})

    # A number that is not a whole one is refused before it is sent; a Decimal too.
    for number in (1.5, Decimal(7)):
        with check.assertRaises(ParamValidationError):
            kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=number)


# Members that AWS added after this release of boto3.
YOUNGER = {"PolicyName", "KeyMaterialId", "SourceKeyMaterialId", "DestinationKeyMaterialId", "CurrentKeyMaterialId", "CiphertextForRecipient"}


def answers_fit_the_model():
    """Every answer has exactly the members that boto3's own model of KMS knows."""
    kms = client()
    key_id = new_key(kms, "alias/model")
    sealed = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    calls = {
        "DescribeKey": {"KeyId": key_id},
        "ListKeys": {},
        "ListAliases": {},
        "ListResourceTags": {"KeyId": key_id},
        "ListKeyPolicies": {"KeyId": key_id},
        "GetKeyPolicy": {"KeyId": key_id, "PolicyName": "default"},
        "Encrypt": {"KeyId": key_id, "Plaintext": b"x"},
        "Decrypt": {"CiphertextBlob": sealed},
        "ReEncrypt": {"CiphertextBlob": sealed, "DestinationKeyId": key_id},
        "GenerateDataKey": {"KeyId": key_id, "KeySpec": "AES_256"},
        "GenerateDataKeyWithoutPlaintext": {"KeyId": key_id, "NumberOfBytes": 64},
        "GenerateRandom": {"NumberOfBytes": 8},
    }
    answers_fit(kms, calls, YOUNGER)


def paginators():
    kms = client(region="eu-west-1")
    ids = sorted(new_key(kms) for _ in range(7))
    for number in range(7):
        kms.create_alias(AliasName=f"alias/page/{number}", TargetKeyId=ids[0])
    kms.tag_resource(KeyId=ids[0], Tags=[{"TagKey": f"k{n}", "TagValue": str(n)} for n in range(7)])

    def pages(operation, member, **parameters):
        walked = list(kms.get_paginator(operation).paginate(PaginationConfig={"PageSize": 3}, **parameters))
        check.assertEqual([len(page[member]) for page in walked], [3, 3, 1])
        check.assertEqual([page["Truncated"] for page in walked], [True, True, False])
        check.assertEqual(["NextMarker" in page for page in walked], [True, True, False])
        return [item for page in walked for item in page[member]]

    check.assertEqual([key["KeyId"] for key in pages("list_keys", "Keys")], ids)
    aliases = pages("list_aliases", "Aliases")
    check.assertEqual([alias["AliasName"] for alias in aliases], [f"alias/page/{n}" for n in range(7)])
    check.assertIsInstance(aliases[0]["CreationDate"], datetime.datetime)
    check.assertEqual({tag["TagKey"] for tag in pages("list_resource_tags", "Tags", KeyId=ids[0])}, {f"k{n}" for n in range(7)})
    policies = kms.get_paginator("list_key_policies").paginate(KeyId=ids[0]).build_full_result()
    check.assertEqual(policies["PolicyNames"], ["default"])
    # A marker belongs to the listing that gave it.
    marker = kms.list_keys(Limit=1)["NextMarker"]
    refused("InvalidMarkerException", kms.list_aliases, Marker=marker)
    check.assertEqual(kms.waiter_names, [])


def errors():
    kms = client(config=Config(parameter_validation=False))
    key_id = new_key(kms, "alias/errors")
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"
    missing = "11111111-2222-3333-4444-555555555555"

    check.assertEqual(
        refused("NotFoundException", kms.describe_key, KeyId=missing),
        f"Key 'arn:aws:kms:us-east-1:{ACCOUNT}:key/{missing}' does not exist",
    )
    check.assertEqual(
        refused("NotFoundException", kms.encrypt, KeyId="alias/missing", Plaintext=b"x"),
        f"Alias arn:aws:kms:us-east-1:{ACCOUNT}:alias/missing is not found.",
    )
    check.assertEqual(refused("NotFoundException", kms.disable_key, KeyId="alias/errors"), "Invalid keyId 'alias/errors'")
    check.assertEqual(
        refused("ValidationException", kms.encrypt),
        "2 validation errors detected: "
        "Value null at 'keyId' failed to satisfy constraint: Member must not be null; "
        "Value null at 'plaintext' failed to satisfy constraint: Member must not be null",
    )
    check.assertEqual(
        refused("ValidationException", kms.encrypt, KeyId=key_id, Plaintext=bytes(4097)),
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: "
        "Member must have length less than or equal to 4096",
    )
    # A type of its own for each of the service's errors, as programs catch them.
    with check.assertRaises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId=missing)
    with check.assertRaises(kms.exceptions.AlreadyExistsException):
        kms.create_alias(AliasName="alias/errors", TargetKeyId=key_id)
    with check.assertRaises(kms.exceptions.InvalidCiphertextException) as caught:
        kms.decrypt(CiphertextBlob=bytes(200))
    check.assertEqual(caught.exception.response["Error"]["Message"], "")
    refused("ValidationException", kms.create_alias, AliasName="alias/a:b", TargetKeyId=key_id)
    kms.disable_key(KeyId=key_id)
    with check.assertRaises(kms.exceptions.DisabledException) as caught:
        kms.encrypt(KeyId=key_id, Plaintext=b"x")
    check.assertEqual(str(caught.exception), f"An error occurred (DisabledException) when calling the Encrypt operation: {arn} is disabled.")
    kms.enable_key(KeyId=key_id)
    with check.assertRaises(kms.exceptions.IncorrectKeyException):
        sealed = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
        kms.decrypt(CiphertextBlob=sealed, KeyId=new_key(kms))
    with check.assertRaises(kms.exceptions.TagException):
        kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "aws:x", "TagValue": "y"}])
    with check.assertRaises(kms.exceptions.MalformedPolicyDocumentException):
        kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy="not JSON")
    with check.assertRaises(ParamValidationError):
        client().encrypt(KeyId=key_id)


def regions_and_accounts():
    here, there, stranger = client(), client(region="ap-southeast-2"), other_account()
    key_id = new_key(here, "alias/where")
    arn = here.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    refused("NotFoundException", there.describe_key, KeyId=key_id)
    check.assertEqual(refused("NotFoundException", there.encrypt, KeyId=arn, Plaintext=b"x"), "Invalid arn us-east-1")
    new_key(there, "alias/where")
    other_arn = there.describe_key(KeyId="alias/where")["KeyMetadata"]["Arn"]
    check.assertIn(":ap-southeast-2:", other_arn)

    sealed = here.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    for call, action, parameters in (
        (stranger.encrypt, "Encrypt", {"KeyId": arn, "Plaintext": b"x"}),
        (stranger.describe_key, "DescribeKey", {"KeyId": arn}),
        (stranger.disable_key, "DisableKey", {"KeyId": arn}),
        (stranger.generate_data_key, "GenerateDataKey", {"KeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/where", "KeySpec": "AES_256"}),
    ):
        text = refused("AccessDeniedException", call, **parameters)
        check.assertIn(f"is not authorized to perform: kms:{action} on this resource because the resource does not exist in this Region", text)
    check.assertIn("kms:Decrypt", refused("AccessDeniedException", stranger.decrypt, CiphertextBlob=sealed))
    check.assertEqual(stranger.list_keys()["Keys"], [])
    check.assertEqual(stranger.list_aliases()["Aliases"], [])
    check.assertEqual(here.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"], "Enabled")


def retries():
    # Each mode sends a refused request once, and leaves it at that.
    for mode in ("legacy", "standard", "adaptive"):
        kms = client(config=Config(retries={"mode": mode, "max_attempts": 4}))
        refused("NotFoundException", kms.describe_key, KeyId="alias/retries")
        refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=bytes(100))
        check.assertEqual(kms.list_keys()["ResponseMetadata"]["RetryAttempts"], 0)
    # One connection serves one request after the other.
    kms = client(config=Config(max_pool_connections=1))
    for _ in range(50):
        kms.generate_random(NumberOfBytes=1)
    with check.assertRaises(EndpointConnectionError):
        boto3.client(
            "kms", region_name="us-east-1", endpoint_url="http://127.0.0.1:1", config=Config(retries={"max_attempts": 0})
        ).list_keys()


PROMISES = {
    promise.__name__: promise
    for promise in (application, envelope, types, answers_fit_the_model, paginators, errors, regions_and_accounts, retries)
}

if __name__ == "__main__":
    PROMISES[sys.argv[1]]()
