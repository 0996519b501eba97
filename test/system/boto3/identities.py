"""What boto3 must see of IAM, STS and grants. Run with the name of one promise; it ends with 0 when it is kept."""

import contextlib
import datetime
import importlib
import json
import sys
import types
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree

import boto3
from promise import ACCOUNT, ENDPOINT, check, client, refused_with


def arn(resource):
    return f"arn:aws:iam::{ACCOUNT}:{resource}"


def policy(actions, effect="Allow", **more):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": actions, "Resource": "*", **more}]})


def trust(principal, **more):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def new_user(name, actions=None):
    iam = client("iam")
    iam.create_user(UserName=name)
    if actions is not None:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(actions))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def session_of(answer):
    issued = answer["Credentials"]
    return {
        "aws_access_key_id": issued["AccessKeyId"],
        "aws_secret_access_key": issued["SecretAccessKey"],
        "aws_session_token": issued["SessionToken"],
    }


def waiters_and_resources():
    iam = client("iam")
    iam.create_user(UserName="waited")
    iam.get_waiter("user_exists").wait(UserName="waited")
    iam.create_role(RoleName="waited", AssumeRolePolicyDocument=trust({"AWS": ACCOUNT}))
    iam.get_waiter("role_exists").wait(RoleName="waited")
    made = iam.create_policy(PolicyName="waited", PolicyDocument=policy("kms:ListKeys"))["Policy"]
    check.assertIsInstance(made["CreateDate"], datetime.datetime)
    iam.get_waiter("policy_exists").wait(PolicyArn=made["Arn"])
    iam.create_instance_profile(InstanceProfileName="waited")
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="waited")
    # A document is an object by the time that a program sees it.
    role = iam.get_role(RoleName="waited")["Role"]
    check.assertEqual(role["AssumeRolePolicyDocument"], json.loads(trust({"AWS": ACCOUNT})))
    version = iam.get_policy_version(PolicyArn=made["Arn"], VersionId="v1")["PolicyVersion"]
    check.assertEqual(version["Document"], json.loads(policy("kms:ListKeys")))

    resource = boto3.resource("iam", region_name="us-east-1", endpoint_url=ENDPOINT)
    user = resource.User("waited")
    user.attach_policy(PolicyArn=made["Arn"])
    check.assertEqual([attached.arn for attached in user.attached_policies.all()], [made["Arn"]])
    check.assertEqual([holder.name for holder in resource.Policy(made["Arn"]).attached_users.all()], ["waited"])
    group = resource.create_group(GroupName="waited")
    group.add_user(UserName="waited")
    check.assertEqual([member.name for member in group.users.all()], ["waited"])
    group.remove_user(UserName="waited")
    user.detach_policy(PolicyArn=made["Arn"])
    user.delete()
    with check.assertRaises(iam.exceptions.NoSuchEntityException):
        user.load()


def paginators():
    iam = client("iam")
    names = [f"page-{number}" for number in range(7)]
    for name in names:
        iam.create_user(UserName=name, Path="/page/")

    def pages(service, operation, member, size=3, **parameters):
        walked = list(service.get_paginator(operation).paginate(PaginationConfig={"PageSize": size}, **parameters))
        check.assertGreater(len(walked), 1)
        check.assertTrue(all(len(page[member]) <= size for page in walked))
        return [item for page in walked for item in page[member]]

    check.assertEqual([user["UserName"] for user in pages(iam, "list_users", "Users", PathPrefix="/page/")], names)
    for number in range(4):
        iam.put_user_policy(UserName="page-0", PolicyName=f"p{number}", PolicyDocument=policy("kms:ListKeys"))
    check.assertEqual(pages(iam, "list_user_policies", "PolicyNames", UserName="page-0"), [f"p{n}" for n in range(4)])
    details = iam.get_paginator("get_account_authorization_details").paginate(Filter=["User"], PaginationConfig={"PageSize": 2})
    found = [user for page in details for user in page["UserDetailList"]]
    check.assertLessEqual(set(names), {user["UserName"] for user in found})
    first = next(user for user in found if user["UserName"] == "page-0")
    check.assertEqual(first["UserPolicyList"][0]["PolicyDocument"], json.loads(policy("kms:ListKeys")))

    kms = client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    made = {
        kms.create_grant(KeyId=key_id, GranteePrincipal=arn("user/page/page-0"), Operations=["Decrypt"])["GrantId"]
        for _ in range(7)
    }
    grants = pages(kms, "list_grants", "Grants", KeyId=key_id)
    check.assertEqual(sorted(grant["GrantId"] for grant in grants), sorted(made))
    check.assertIsInstance(grants[0]["CreationDate"], datetime.datetime)
    check.assertEqual({grant["GranteePrincipal"] for grant in grants}, {arn("user/page/page-0")})


def errors():
    iam = client("iam")
    nobody = {"aws_access_key_id": "AKIA" + "A" * 16, "aws_secret_access_key": "x" * 40}
    key = new_user("errors")
    wrong = {**key, "aws_secret_access_key": "x" * 40}
    invalid = "The security token included in the request is invalid."
    for service, call in (("sts", "get_caller_identity"), ("iam", "list_users")):
        check.assertEqual(refused_with("InvalidClientTokenId", 403, getattr(client(service, **nobody), call)), invalid)
        refused_with("SignatureDoesNotMatch", 403, getattr(client(service, **wrong), call))
    check.assertEqual(refused_with("UnrecognizedClientException", 400, client("kms", **nobody).list_keys), invalid)
    refused_with("InvalidSignatureException", 400, client("kms", **wrong).list_keys)

    start = f"User: {arn('user/errors')} is not authorized to perform:"
    check.assertEqual(
        refused_with("AccessDenied", 403, client("iam", **key).create_user, UserName="other"),
        f"{start} iam:CreateUser on resource: {arn('user/other')} because no identity-based policy allows the iam:CreateUser action",
    )
    check.assertEqual(
        refused_with("AccessDeniedException", 400, client("kms", **key).list_keys),
        f"{start} kms:ListKeys on resource: * because no identity-based policy allows the kms:ListKeys action",
    )
    iam.put_user_policy(UserName="errors", PolicyName="deny", PolicyDocument=policy("kms:ListKeys", "Deny"))
    check.assertEqual(
        refused_with("AccessDeniedException", 400, client("kms", **key).list_keys),
        f"{start} kms:ListKeys on resource: * with an explicit deny in an identity-based policy",
    )
    refused_with("AccessDenied", 403, client("sts", **key).assume_role, RoleArn=arn("role/none"), RoleSessionName="x1")
    refused_with("NoSuchEntity", 404, iam.get_role, RoleName="none")
    refused_with("EntityAlreadyExists", 409, iam.create_user, UserName="errors")
    refused_with("DeleteConflict", 409, iam.delete_user, UserName="errors")
    refused_with("MalformedPolicyDocument", 400, iam.put_user_policy, UserName="errors", PolicyName="p", PolicyDocument="{")
    refused_with("ValidationError", 400, iam.create_user, UserName="a b")
    # A type of its own for each of the service's errors, as programs catch them.
    for exception, call in (
        (iam.exceptions.NoSuchEntityException, lambda: iam.get_user(UserName="none")),
        (iam.exceptions.EntityAlreadyExistsException, lambda: iam.create_user(UserName="errors")),
        (iam.exceptions.DeleteConflictException, lambda: iam.delete_user(UserName="errors")),
        (iam.exceptions.MalformedPolicyDocumentException, lambda: iam.create_policy(PolicyName="p", PolicyDocument="{}")),
    ):
        with check.assertRaises(exception):
            call()


def sessions():
    iam = client("iam")
    key = new_user("sessions", ["sts:AssumeRole", "sts:TagSession"])
    with_id = {"Condition": {"StringEquals": {"sts:ExternalId": "contract"}}}
    iam.create_role(RoleName="sessions", AssumeRolePolicyDocument=trust({"AWS": arn("user/sessions")}, **with_id))
    iam.put_role_policy(RoleName="sessions", PolicyName="own", PolicyDocument=policy("kms:*"))
    sts = client("sts", **key)
    asked = {"RoleArn": arn("role/sessions"), "RoleSessionName": "boto3"}
    refused_with("AccessDenied", 403, sts.assume_role, **asked)
    answer = sts.assume_role(**asked, ExternalId="contract", Policy=policy("kms:List*"), DurationSeconds=900)
    check.assertIsInstance(answer["Credentials"]["Expiration"], datetime.datetime)
    check.assertIsInstance(answer["PackedPolicySize"], int)
    session = session_of(answer)
    role_arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/sessions/boto3"
    check.assertEqual(client("sts", **session).get_caller_identity()["Arn"], role_arn)
    client("kms", **session).list_keys()
    check.assertEqual(
        refused_with("AccessDeniedException", 400, client("kms", **session).create_key),
        f"User: {role_arn} is not authorized to perform: kms:CreateKey on resource: * because no session policy allows the kms:CreateKey action",
    )
    user_session = session_of(client("sts", **key).get_session_token(DurationSeconds=900))
    check.assertEqual(client("sts", **user_session).get_caller_identity()["Arn"], arn("user/sessions"))
    # For the next promise, which a server keeps whose clock is further on.
    with open("session.json", "w", encoding="utf-8") as file:
        json.dump(session, file)


def expired_sessions():
    """The server is an hour ahead, and so is what signs here."""
    ahead = datetime.timedelta(hours=1)

    class Ahead(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return super().utcnow() + ahead

    clock = types.SimpleNamespace(datetime=Ahead, timezone=datetime.timezone)
    # With the CRT library, which Debian's CLI brings along, botocore signs elsewhere.
    for signer in ("botocore.auth", "botocore.crt.auth"):
        with contextlib.suppress(ImportError):
            importlib.import_module(signer).datetime = clock
    check.assertEqual(client("sts").get_caller_identity()["Arn"], arn("root"))
    with open("session.json", encoding="utf-8") as file:
        session = json.load(file)
    text = "The security token included in the request is expired"
    check.assertEqual(refused_with("ExpiredToken", 403, client("sts", **session).get_caller_identity), text)
    check.assertEqual(refused_with("ExpiredToken", 403, client("iam", **session).list_users), text)
    check.assertEqual(refused_with("ExpiredTokenException", 400, client("kms", **session).list_keys), text)


def presigned():
    """A URL that boto3 signs, and that somebody who has no key sends, as Vault's and Kubernetes' authenticators do."""
    key = new_user("pod")
    sts = client("sts", **key)
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    check.assertIn("X-Amz-Signature=", url)

    def answer(address, **headers):
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as response:
            return response.read()

    space = {"sts": "https://sts.amazonaws.com/doc/2011-06-15/"}
    document = ElementTree.fromstring(answer(url))
    check.assertEqual(document.findtext(".//sts:Arn", namespaces=space), arn("user/pod"))
    check.assertEqual(document.findtext(".//sts:Account", namespaces=space), ACCOUNT)
    # aws-iam-authenticator asks for JSON.
    told = json.loads(answer(url, Accept="application/json"))
    check.assertEqual(told["GetCallerIdentityResponse"]["GetCallerIdentityResult"]["Arn"], arn("user/pod"))

    # A header that is in the signature has to come with it: the cluster's name, say.
    def add_cluster(request, **_):
        request.headers.add_header("x-k8s-aws-id", "cluster-1")

    sts.meta.events.register("before-sign.sts.GetCallerIdentity", add_cluster)
    bound = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    check.assertIn("x-k8s-aws-id", bound)
    answer(bound, **{"x-k8s-aws-id": "cluster-1"})
    for address, headers, status, code in (
        (bound, {}, 400, b"IncompleteSignature"),
        (bound, {"x-k8s-aws-id": "cluster-2"}, 403, b"SignatureDoesNotMatch"),
        (url.replace("GetCallerIdentity", "GetSessionToken"), {}, 403, b"SignatureDoesNotMatch"),
        (url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"), {}, 403, b"SignatureDoesNotMatch"),
    ):
        with check.assertRaises(urllib.error.HTTPError) as caught:
            answer(address, **headers)
        check.assertEqual(caught.exception.code, status)
        check.assertIn(b"<Code>%s</Code>" % code, caught.exception.read())


def grants():
    kms = client("kms")
    key = new_user("grantee")
    metadata = kms.create_key()["KeyMetadata"]
    grantee = client("kms", **key)
    made = kms.create_grant(
        KeyId=metadata["KeyId"],
        GranteePrincipal=arn("user/grantee"),
        RetiringPrincipal=arn("user/grantee"),
        Operations=["Encrypt", "Decrypt"],
        Constraints={"EncryptionContextEquals": {"tenant": "red"}},
    )
    asked = {"KeyId": metadata["Arn"], "Plaintext": b"x", "GrantTokens": [made["GrantToken"]]}
    grantee.encrypt(**asked, EncryptionContext={"tenant": "red"})
    refused_with("AccessDeniedException", 400, grantee.encrypt, **asked, EncryptionContext={"tenant": "red", "more": "1"})
    with check.assertRaises(kms.exceptions.InvalidGrantTokenException):
        grantee.encrypt(KeyId=metadata["Arn"], Plaintext=b"x", GrantTokens=["Zm9yZ2Vk"])
    listed = kms.list_retirable_grants(RetiringPrincipal=arn("user/grantee"))["Grants"]
    check.assertEqual([grant["GrantId"] for grant in listed], [made["GrantId"]])
    grantee.retire_grant(KeyId=metadata["Arn"], GrantId=made["GrantId"])
    check.assertEqual(kms.list_grants(KeyId=metadata["KeyId"])["Grants"], [])
    with check.assertRaises(kms.exceptions.NotFoundException):
        kms.revoke_grant(KeyId=metadata["KeyId"], GrantId=made["GrantId"])


PROMISES = {
    promise.__name__: promise
    for promise in (waiters_and_resources, paginators, errors, sessions, expired_sessions, presigned, grants)
}

if __name__ == "__main__":
    PROMISES[sys.argv[1]]()
