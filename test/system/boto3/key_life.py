"""What boto3 must see of the life of a key. Run with the name of one promise; it ends with 0 when it is kept."""

import datetime
import os
import sys
import time

from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from promise import ACCOUNT, answers_fit, check, client, refused

HOME = "us-east-1"
AWAY = "us-west-2"


def arn(key_id, region=HOME):
    return f"arn:aws:kms:{region}:{ACCOUNT}:key/{key_id}"


def new_key(kms, **parameters):
    return kms.create_key(**parameters)["KeyMetadata"]["KeyId"]


def state(kms, key_id):
    return kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"]


def at_rest(kms, key_id):
    """The metadata once the key is no longer being created or moved, which takes a moment."""
    end = time.monotonic() + 60
    while True:
        metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
        if metadata["KeyState"] not in ("Creating", "Updating"):
            return metadata
        check.assertLess(time.monotonic(), end, metadata["KeyState"])


def oaep(key, material):
    algorithm = hashes.SHA256()
    return key.encrypt(material, padding.OAEP(mgf=padding.MGF1(algorithm), algorithm=algorithm, label=None))


def key_wrap(key, material):
    """RSA-OAEP of an AES key, and the material under that (RFC 5649)."""
    wrapping_key = os.urandom(32)
    return oaep(key, wrapping_key) + keywrap.aes_key_wrap_with_padding(wrapping_key, material)


def import_material(kms, key_id, material, wrap=oaep, algorithm="RSAES_OAEP_SHA_256", **parameters):
    given = kms.get_parameters_for_import(
        KeyId=key_id, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048"
    )
    left = given["ParametersValidTo"] - datetime.datetime.now(datetime.timezone.utc)
    check.assertAlmostEqual(left.total_seconds(), 24 * 3600, delta=60)
    public_key = serialization.load_der_public_key(given["PublicKey"])
    parameters.setdefault("ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    kms.import_key_material(
        KeyId=key_id,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrap(public_key, material),
        **parameters,
    )


def rotation():
    kms = client()
    key_id = new_key(kms)
    check.assertIs(kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"], False)
    kms.enable_key_rotation(KeyId=key_id)
    kms.enable_key_rotation(KeyId=arn(key_id))
    check.assertIs(kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"], True)
    kms.disable_key(KeyId=key_id)
    check.assertEqual(
        refused("DisabledException", kms.disable_key_rotation, KeyId=key_id), f"{arn(key_id)} is disabled."
    )
    check.assertIs(kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"], True)
    kms.schedule_key_deletion(KeyId=key_id)
    check.assertIs(kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"], False)
    refused("KMSInvalidStateException", kms.enable_key_rotation, KeyId=key_id)
    signing = new_key(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    refused("UnsupportedOperationException", kms.enable_key_rotation, KeyId=signing)


def deletion():
    kms = client()
    key_id = new_key(kms)
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"kept")["CiphertextBlob"]
    before = datetime.datetime.now(datetime.timezone.utc)
    answer = kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    check.assertAlmostEqual((answer["DeletionDate"] - before).total_seconds(), 7 * 86400, delta=60)
    check.assertEqual((answer["KeyState"], answer["PendingWindowInDays"]), ("PendingDeletion", 7))
    pending = f"{arn(key_id)} is pending deletion."
    check.assertEqual(refused("KMSInvalidStateException", kms.decrypt, CiphertextBlob=blob), pending)
    check.assertEqual(refused("KMSInvalidStateException", kms.schedule_key_deletion, KeyId=key_id), pending)
    check.assertEqual(kms.cancel_key_deletion(KeyId=key_id)["KeyId"], arn(key_id))
    refused("DisabledException", kms.decrypt, CiphertextBlob=blob)
    check.assertEqual(
        refused("KMSInvalidStateException", kms.cancel_key_deletion, KeyId=key_id),
        f"{arn(key_id)} is not pending deletion.",
    )
    kms.enable_key(KeyId=key_id)
    check.assertEqual(kms.decrypt(CiphertextBlob=blob)["Plaintext"], b"kept")
    for days in (6, 31):
        refused("ValidationException", kms.schedule_key_deletion, KeyId=key_id, PendingWindowInDays=days)


def imported_material():
    kms = client()
    key_id = new_key(kms, Origin="EXTERNAL")
    check.assertEqual(state(kms, key_id), "PendingImport")
    material = os.urandom(32)
    import_material(kms, key_id, material)
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"ours", EncryptionContext={"a": "b"})["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=key_id)
    check.assertEqual(
        refused("KMSInvalidStateException", kms.decrypt, CiphertextBlob=blob, EncryptionContext={"a": "b"}),
        f"{arn(key_id)} is pending import.",
    )
    with check.assertRaises(kms.exceptions.IncorrectKeyMaterialException):
        import_material(kms, key_id, os.urandom(32))
    until = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=200)
    import_material(kms, key_id, material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=until)
    metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    check.assertEqual((metadata["ExpirationModel"], metadata["ValidTo"]), ("KEY_MATERIAL_EXPIRES", until))
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})
    check.assertEqual(opened["Plaintext"], b"ours")


def imported_keys():
    """Keys that Python has made sign and decrypt here as they do there."""
    kms = client()
    der = (
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    own = ec.generate_private_key(ec.SECP256R1())
    key_id = new_key(kms, Origin="EXTERNAL", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    import_material(kms, key_id, own.private_bytes(*der))
    signed = kms.sign(KeyId=key_id, Message=b"hello", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    own.public_key().verify(signed, b"hello", ec.ECDSA(hashes.SHA256()))

    own = rsa.generate_private_key(65537, 2048)
    key_id = new_key(kms, Origin="EXTERNAL", KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    import_material(kms, key_id, own.private_bytes(*der), key_wrap, "RSA_AES_KEY_WRAP_SHA_256")
    sealed = oaep(own.public_key(), b"from outside")
    opened = kms.decrypt(KeyId=key_id, CiphertextBlob=sealed, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    check.assertEqual(opened["Plaintext"], b"from outside")

    key_id = new_key(kms, Origin="EXTERNAL", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    import_material(kms, key_id, os.urandom(32))
    mac = kms.generate_mac(KeyId=key_id, Message=b"hello", MacAlgorithm="HMAC_SHA_256")["Mac"]
    kms.verify_mac(KeyId=key_id, Message=b"hello", MacAlgorithm="HMAC_SHA_256", Mac=mac)


def multi_region():
    here, there = client(), client(region=AWAY)
    key_id = new_key(here, MultiRegion=True)
    replica = here.replicate_key(KeyId=key_id, ReplicaRegion=AWAY, Description="over there")
    check.assertEqual(replica["ReplicaKeyMetadata"]["Arn"], arn(key_id, AWAY))
    check.assertEqual(at_rest(there, key_id)["KeyState"], "Enabled")
    data_key = here.generate_data_key(KeyId=key_id, KeySpec="AES_256")
    opened = there.decrypt(CiphertextBlob=data_key["CiphertextBlob"])
    check.assertEqual((opened["Plaintext"], opened["KeyId"]), (data_key["Plaintext"], arn(key_id, AWAY)))
    with check.assertRaises(here.exceptions.AlreadyExistsException):
        here.replicate_key(KeyId=key_id, ReplicaRegion=AWAY)
    with check.assertRaises(there.exceptions.UnsupportedOperationException):
        there.replicate_key(KeyId=key_id, ReplicaRegion="eu-west-1")
    here.update_primary_region(KeyId=key_id, PrimaryRegion=AWAY)
    for kms in (here, there):
        configuration = at_rest(kms, key_id)["MultiRegionConfiguration"]
        check.assertEqual(configuration["PrimaryKey"], {"Arn": arn(key_id, AWAY), "Region": AWAY})
    # Each key is disabled, named and deleted on its own.
    here.disable_key(KeyId=key_id)
    check.assertEqual((state(here, key_id), state(there, key_id)), ("Disabled", "Enabled"))
    there.create_alias(AliasName="alias/over-there", TargetKeyId=key_id)
    check.assertEqual(here.list_aliases(KeyId=key_id)["Aliases"], [])
    waiting = there.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=8)
    check.assertEqual(waiting["KeyState"], "PendingReplicaDeletion")
    check.assertNotIn("DeletionDate", waiting)
    there.cancel_key_deletion(KeyId=key_id)


def answers_fit_the_model():
    kms = client()
    key_id = new_key(kms, Origin="EXTERNAL", MultiRegion=True)
    key = {"KeyId": key_id}
    parameters = {**key, "WrappingAlgorithm": "RSAES_OAEP_SHA_1", "WrappingKeySpec": "RSA_2048"}
    # The sets are of members that AWS added after this release of boto3.
    answers_fit(kms, {"DescribeKey": key, "GetParametersForImport": parameters}, set())
    answers_fit(kms, {"GetKeyRotationStatus": key}, {"KeyId"})
    import_material(kms, key_id, os.urandom(32))
    replica = {**key, "ReplicaRegion": AWAY}
    answers_fit(kms, {"ReplicateKey": replica}, {"CurrentKeyMaterialId"})
    answers_fit(kms, {"ScheduleKeyDeletion": key, "CancelKeyDeletion": key}, set())


globals()[sys.argv[1]]()
