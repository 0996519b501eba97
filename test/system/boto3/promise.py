"""What the promises of every script share: clients of the server, its refusals, and boto3's own model of its answers."""

import base64
import json
import os
import unittest

import boto3
import botocore
from botocore.exceptions import ClientError
from botocore.model import StructureShape

ENDPOINT = os.environ["KMS_ENDPOINT"]
ACCOUNT = os.environ["KMS_ACCOUNT"]

check = unittest.TestCase()
check.maxDiff = None


def client(service="kms", region="us-east-1", **options):
    return boto3.client(service, region_name=region, endpoint_url=ENDPOINT, **options)


def refused_with(code, status, call, **parameters):
    """The error's text, once the code and the HTTP status are as they must be."""
    with check.assertRaises(ClientError) as caught:
        call(**parameters)
    response = caught.exception.response
    check.assertEqual((response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]), (code, status))
    check.assertRegex(response["ResponseMetadata"]["RequestId"], r"^[0-9a-f-]{36}$")
    check.assertEqual(response["ResponseMetadata"]["RetryAttempts"], 0)
    return response["Error"]["Message"]


def refused(code, call, **parameters):
    return refused_with(code, 400, call, **parameters)


def answers_fit(kms, calls, younger):
    """Makes each call; its answer has no members but those of boto3's own model, and `younger`, which AWS added after it."""
    model = kms.meta.service_model
    raw = {}
    # The members as they were sent: the parsed answer would leave out what the model does not know.
    kms.meta.events.register("after-call.kms", lambda http_response, **_: raw.update(body=http_response.content))
    for name, parameters in calls.items():
        parsed = getattr(kms, botocore.xform_name(name))(**parameters)
        fits(json.loads(raw["body"]), model.operation_model(name).output_shape, name, younger)
        check.assertGreater(len(parsed), 1, name)


def fits(value, shape, path, younger):
    if isinstance(shape, StructureShape):
        for name, member in value.items():
            if name in younger:
                continue
            check.assertIn(name, shape.members, path)
            fits(member, shape.members[name], f"{path}.{name}", younger)
    elif shape.type_name == "list":
        for item in value:
            fits(item, shape.member, f"{path}[]", younger)
    elif shape.type_name == "blob":
        base64.b64decode(value, validate=True)
    elif getattr(shape, "enum", None):
        check.assertIn(value, shape.enum, path)
