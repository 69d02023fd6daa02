"""What people may do with real requests: policies of keys and buckets, ACLs, across accounts."""

import base64
import json

import pytest
import requests
from qcloud_cos import CosServiceError
from qcloud_cos.cos_auth import CosS3Auth

from tests.localcloud.conftest import Signed
from tests.localcloud.identity.conftest import OTHER, OWNER, SUB, allow, outcome

REGION = "ap-guangzhou"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


@pytest.fixture
def bucket(people):
    name = people.new_bucket()
    people.client().put_object(Bucket=name, Key="doc/a", Body=b"a")
    people.client().put_object(Bucket=name, Key="other/b", Body=b"b")
    return name


def under(bucket, path="*"):
    return f"qcs::cos:{REGION}:uid/{bucket.rpartition('-')[2]}:{bucket}/{path}"


def statement(bucket, who, *actions, effect="allow", path="*", **more):
    return {
        "effect": effect,
        "principal": {"qcs": who if isinstance(who, list) else [who]},
        "action": list(actions),
        "resource": [under(bucket, path)],
        **more,
    }


def user(account, uin):
    return f"qcs::cam::uin/{account}:uin/{uin}"


@pytest.fixture
def put_policy(people):
    def put(bucket, *statements):
        policy = {"version": "2.0", "statement": list(statements)}
        people.client().put_bucket_policy(Bucket=bucket, Policy=policy)

    return put


@pytest.fixture
def anonymous(people):
    def ask(method, bucket, path="/", **options):
        url = f"http://{bucket}.cos.{REGION}.myqcloud.com{path}"
        return requests.request(
            method, url, proxies={"http": people.url}, timeout=20, **options
        ).status_code

    return ask


class TestTemporaryCredentials:
    def test_they_do_what_their_policy_allows_and_no_more(self, temporary, bucket):
        client = temporary(
            allow("name/cos:PutObject", "name/cos:GetObject", resource=under(bucket, "doc/*"))
        )
        assert outcome(client.put_object, Bucket=bucket, Key="doc/new", Body=b"x") == "done"
        assert outcome(client.get_object, Bucket=bucket, Key="doc/new") == "done"
        for call, options in (
            (client.put_object, {"Key": "other/new", "Body": b"x"}),
            (client.get_object, {"Key": "other/b"}),
            (client.delete_object, {"Key": "doc/a"}),
            (client.list_objects, {}),
            (client.create_multipart_upload, {"Key": "doc/m"}),
            (client.put_object_acl, {"Key": "doc/a", "ACL": "public-read"}),
            (client.get_bucket_policy, {}),
            (client.delete_bucket, {}),
        ):
            assert outcome(call, Bucket=bucket, **options) == "AccessDenied"
        assert outcome(client.list_buckets) == "AccessDenied"

    def test_deny_beats_allow(self, temporary, bucket):
        policy = allow("cos:*")
        policy["statement"].append(
            {"effect": "deny", "action": "cos:DeleteObject", "resource": "*"}
        )
        client = temporary(policy)
        assert outcome(client.put_object, Bucket=bucket, Key="k", Body=b"") == "done"
        assert outcome(client.delete_object, Bucket=bucket, Key="k") == "AccessDenied"

    def test_a_listing_is_about_its_prefix(self, temporary, bucket):
        client = temporary(allow("cos:GetBucket", resource=under(bucket, "doc/*")))
        assert outcome(client.list_objects, Bucket=bucket, Prefix="doc/") == "done"
        assert outcome(client.list_objects, Bucket=bucket, Prefix="other/") == "AccessDenied"
        assert outcome(client.list_objects, Bucket=bucket) == "AccessDenied"

    def test_another_region_or_account_is_another_resource(self, temporary, bucket):
        for resource in (
            under(bucket).replace(REGION, "ap-beijing"),
            under(bucket).replace("uid/1250000000", "uid/1260000000"),
        ):
            client = temporary(allow("cos:*", resource=resource))
            assert outcome(client.get_object, Bucket=bucket, Key="doc/a") == "AccessDenied"

    def test_a_copy_reads_its_source(self, temporary, bucket):
        client = temporary(allow("cos:PutObject", "cos:GetObject", resource=under(bucket, "doc/*")))

        def copy(key):
            source = {"Bucket": bucket, "Key": key, "Region": REGION}
            return outcome(client.copy_object, Bucket=bucket, Key="doc/copy", CopySource=source)

        assert copy("doc/a") == "done"
        assert copy("other/b") == "AccessDenied"

    def test_a_multi_delete_asks_for_each_key(self, people, temporary, bucket):
        client = temporary(allow("cos:DeleteMultipleObjects", resource=under(bucket, "doc/*")))

        def delete(*keys):
            objects = {"Object": [{"Key": key} for key in keys]}
            return client.delete_objects(Bucket=bucket, Delete=objects)

        answer = delete("doc/a", "other/b")
        assert [entry["Key"] for entry in answer["Deleted"]] == ["doc/a"]
        assert [(e["Key"], e["Code"]) for e in answer["Error"]] == [("other/b", "AccessDenied")]
        assert people.client().object_exists(Bucket=bucket, Key="other/b")
        with pytest.raises(CosServiceError) as caught:
            delete("other/b")
        assert caught.value.get_error_code() == "AccessDenied"

    def test_results_of_pictures_are_writes_too(self, temporary, bucket):
        client = temporary(allow("cos:PutObject", "cos:GetObject", resource=under(bucket, "doc/*")))

        def process(target):
            rules = [{"fileid": target, "rule": "imageMogr2/format/jpg"}]
            operations = json.dumps({"is_pic_info": 0, "rules": rules})
            return outcome(
                client.ci_put_object, Bucket=bucket, Key="doc/p.png", Body=PNG,
                PicOperations=operations,
            )  # fmt: skip

        assert process("/doc/p.jpg") == "done"
        assert process("/other/p.jpg") == "AccessDenied"

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"ip_equal": {"qcs:ip": "127.0.0.0/8"}}, "done"),
            ({"ip_equal": {"qcs:ip": "10.0.0.0/8"}}, "AccessDenied"),
            ({"string_equal": {"cos:x-cos-acl": "private"}}, "done"),
            ({"string_equal": {"cos:x-cos-acl": "public-read"}}, "AccessDenied"),
            ({"string_like": {"cos:content-type": "text/*"}}, "done"),
            ({"string_not_like": {"cos:content-type": "text/*"}}, "AccessDenied"),
            ({"numeric_less_than_equal": {"cos:content-length": 4}}, "done"),
            ({"numeric_less_than": {"cos:content-length": 4}}, "AccessDenied"),
            ({"bool_equal": {"cos:secure-transport": "true"}}, "AccessDenied"),
            ({"date_greater_than": {"qcs:current_time": "2020-01-01T00:00:00Z"}}, "done"),
            ({"string_equal": {"cos:versionid": "1"}}, "AccessDenied"),
            ({"string_equal_if_exist": {"cos:versionid": "1"}}, "done"),
        ],
    )
    def test_conditions(self, temporary, bucket, condition, expected):
        client = temporary(allow("cos:PutObject", condition=condition))
        got = outcome(
            client.put_object, Bucket=bucket, Key="k", Body=b"four", ACL="private",
            ContentType="text/plain",
        )  # fmt: skip
        assert got == expected

    def test_a_user_cannot_give_more_than_it_has(self, temporary, bucket):
        client = temporary(allow("*"), secret_id="AKIDreader", secret_key="reader-key")
        assert outcome(client.get_object, Bucket=bucket, Key="doc/a") == "done"
        assert outcome(client.put_object, Bucket=bucket, Key="k", Body=b"") == "AccessDenied"


class TestBucketPolicy:
    def test_stored_shown_deleted(self, people, bucket):
        client = people.client()
        assert outcome(client.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"
        # As the SDK's own suite writes it: elements with capitals.
        policy = {
            "Statement": [
                {
                    "Principal": {"qcs": ["qcs::cam::anyone:anyone"]},
                    "Action": ["name/cos:GetObject", "name/cos:HeadObject"],
                    "Effect": "allow",
                    "Resource": [under(bucket)],
                }
            ],
            "Version": "2.0",
        }
        client.put_bucket_policy(Bucket=bucket, Policy=policy)
        assert json.loads(client.get_bucket_policy(Bucket=bucket)["Policy"]) == policy
        client.delete_bucket_policy(Bucket=bucket)
        assert outcome(client.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"

    def test_anonymous_requests(self, put_policy, anonymous, bucket):
        everyone = "qcs::cam::anyone:anyone"
        assert anonymous("GET", bucket, "/doc/a") == 403
        put_policy(bucket, statement(bucket, everyone, "name/cos:GetObject", path="doc/*"))
        assert anonymous("GET", bucket, "/doc/a") == 200
        assert anonymous("GET", bucket, "/other/b") == 403
        assert anonymous("PUT", bucket, "/doc/a", data=b"x") == 403
        assert anonymous("GET", bucket, "/") == 403

    def test_deny_beats_a_public_acl_and_the_owner(self, people, put_policy, anonymous, bucket):
        client = people.client()
        client.put_bucket_acl(Bucket=bucket, ACL="public-read")
        put_policy(bucket, statement(bucket, "*", "cos:*", effect="deny"))
        assert anonymous("GET", bucket, "/doc/a") == 403
        assert outcome(client.get_object, Bucket=bucket, Key="doc/a") == "AccessDenied"
        # Whoever shut himself out can still open the door.
        assert outcome(client.delete_bucket_policy, Bucket=bucket) == "done"
        assert outcome(client.get_object, Bucket=bucket, Key="doc/a") == "done"

    def test_users_of_this_account(self, put_policy, client_of, bucket):
        sub, reader = client_of("sub"), client_of("reader")
        assert outcome(sub.get_object, Bucket=bucket, Key="doc/a") == "AccessDenied"
        assert outcome(reader.get_object, Bucket=bucket, Key="doc/a") == "done"
        put_policy(
            bucket,
            statement(bucket, user(OWNER, SUB), "cos:GetObject", "cos:PutObject", path="doc/*"),
            statement(bucket, user(OWNER, "*"), "cos:HeadObject"),
            statement(bucket, user(OWNER, OWNER), "cos:GetBucketACL", effect="deny"),
        )
        assert outcome(sub.get_object, Bucket=bucket, Key="doc/a") == "done"
        assert outcome(sub.put_object, Bucket=bucket, Key="doc/n", Body=b"") == "done"
        assert outcome(sub.put_object, Bucket=bucket, Key="n", Body=b"") == "AccessDenied"
        assert outcome(sub.head_object, Bucket=bucket, Key="other/b") == "done"
        assert outcome(reader.put_object, Bucket=bucket, Key="doc/n", Body=b"") == "AccessDenied"
        assert outcome(reader.get_bucket_acl, Bucket=bucket) == "done"

    def test_another_account(self, put_policy, client_of, bucket):
        other, sub = client_of("other"), client_of("othersub")
        assert outcome(other.get_object, Bucket=bucket, Key="doc/a") == "AccessDenied"
        put_policy(bucket, statement(bucket, user(OTHER, OTHER), "cos:*"))
        assert outcome(other.get_object, Bucket=bucket, Key="doc/a") == "done"
        assert outcome(sub.get_object, Bucket=bucket, Key="doc/a") == "AccessDenied"

    def test_a_policy_of_the_bucket_does_not_widen_temporary_keys(
        self, temporary, put_policy, bucket
    ):
        put_policy(bucket, statement(bucket, "*", "cos:GetObject"))
        client = temporary(allow("cos:HeadObject"))
        assert outcome(client.head_object, Bucket=bucket, Key="doc/a") == "done"
        assert outcome(client.get_object, Bucket=bucket, Key="doc/a") == "AccessDenied"

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "MalformedPolicy"),
            ("{", "MalformedPolicy"),
            ("[" * 20_000, "MalformedPolicy"),
            (json.dumps(allow("*")), "MalformedPolicy"),
            ("\xff", "MalformedPolicy"),
            (" " * 20_481, "PolicyTooLarge"),
        ],
    )  # fmt: skip
    def test_what_is_refused(self, people, bucket, text, code):
        client = people.client()
        assert outcome(client.put_bucket_policy, Bucket=bucket, Policy=text) == code
        assert outcome(client.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"

    def test_the_largest_policy(self, people, bucket):
        policy = json.dumps(
            {"version": "2.0", "statement": [statement(bucket, "*", "cos:HeadObject")]}
        )
        text = policy + " " * (20_480 - len(policy))
        assert outcome(people.client().put_bucket_policy, Bucket=bucket, Policy=text) == "done"

    def test_no_bucket(self, people):
        client, name = people.client(), "nosuchbucket-1250000000"
        assert outcome(client.get_bucket_policy, Bucket=name) == "NoSuchBucket"
        assert outcome(client.delete_bucket_policy, Bucket=name) == "NoSuchBucket"


class TestAcl:
    def test_grants_in_headers(self, people, client_of, bucket):
        owner, sub, other = people.client(), client_of("sub"), client_of("other")
        assert outcome(other.list_objects, Bucket=bucket) == "AccessDenied"
        owner.put_bucket_acl(
            Bucket=bucket, GrantRead=f'id="{OTHER}"', GrantWrite=f'id="{user(OWNER, SUB)}"'
        )
        assert outcome(other.list_objects, Bucket=bucket) == "done"
        assert outcome(other.get_object, Bucket=bucket, Key="doc/a") == "done"
        assert outcome(other.put_object, Bucket=bucket, Key="n", Body=b"") == "AccessDenied"
        assert outcome(sub.put_object, Bucket=bucket, Key="n", Body=b"") == "done"
        assert outcome(sub.get_object, Bucket=bucket, Key="n") == "AccessDenied"
        shown = owner.get_bucket_acl(Bucket=bucket)["AccessControlList"]["Grant"]
        assert {(g["Grantee"]["ID"], g["Permission"]) for g in shown} == {
            (user(OWNER, OWNER), "FULL_CONTROL"),
            (user(OTHER, OTHER), "READ"),
            (user(OWNER, SUB), "WRITE"),
        }

    def test_an_object_of_its_own(self, people, client_of, bucket):
        owner, other = people.client(), client_of("other")
        owner.put_object(Bucket=bucket, Key="shared", Body=b"x", GrantRead=f'id="{OTHER}"')
        assert outcome(other.get_object, Bucket=bucket, Key="shared") == "done"
        assert outcome(other.head_object, Bucket=bucket, Key="shared") == "done"
        assert outcome(other.get_object_acl, Bucket=bucket, Key="shared") == "AccessDenied"
        assert outcome(other.get_object, Bucket=bucket, Key="doc/a") == "AccessDenied"
        owner.put_object_acl(Bucket=bucket, Key="shared", GrantFullControl=f'id="{OTHER}"')
        assert outcome(other.get_object_acl, Bucket=bucket, Key="shared") == "done"
        change = {"Bucket": bucket, "Key": "shared", "ACL": "private"}
        assert outcome(other.put_object_acl, **change) == "done"
        assert outcome(other.get_object, Bucket=bucket, Key="shared") == "AccessDenied"

    @pytest.mark.parametrize(
        ("grant", "reads", "writes"),
        [("read-acp", True, False), ("write-acp", False, True)],
    )
    def test_the_list_itself(self, people, client_of, bucket, grant, reads, writes):
        headers = {f"x-cos-grant-{grant}": f'id="{OTHER}"'}
        Signed(people.url, bucket)("PUT", params={"acl": ""}, headers=headers)
        other = client_of("other")
        assert (outcome(other.get_bucket_acl, Bucket=bucket) == "done") is reads
        assert (outcome(other.put_bucket_acl, Bucket=bucket, ACL="private") == "done") is writes

    def test_authenticated_read(self, people, client_of, anonymous, bucket):
        people.client().put_bucket_acl(Bucket=bucket, ACL="authenticated-read")
        assert outcome(client_of("othersub").get_object, Bucket=bucket, Key="doc/a") == "done"
        assert anonymous("GET", bucket, "/doc/a") == 403
        assert anonymous("GET", bucket, "/") == 403

    def test_a_document_with_several_grantees(self, people, client_of, bucket):
        owner = people.client()
        grantees = [(OTHER, OTHER, "READ"), (OWNER, SUB, "FULL_CONTROL")]
        owner.put_bucket_acl(
            Bucket=bucket,
            AccessControlPolicy={
                "Owner": {"ID": user(OWNER, OWNER)},
                "AccessControlList": {
                    "Grant": [
                        {
                            "Grantee": {"Type": "CanonicalUser", "ID": user(account, uin)},
                            "Permission": permission,
                        }
                        for account, uin, permission in grantees
                    ]
                },
            },
        )
        assert outcome(client_of("other").list_objects, Bucket=bucket) == "done"
        assert outcome(client_of("sub").put_bucket_acl, Bucket=bucket, ACL="private") == "done"
        assert outcome(client_of("other").list_objects, Bucket=bucket) == "AccessDenied"

    def test_an_acl_does_not_widen_temporary_keys(self, people, temporary, bucket):
        people.client().put_bucket_acl(Bucket=bucket, ACL="public-read-write")
        client = temporary(allow("cos:GetObject"))
        assert outcome(client.put_object, Bucket=bucket, Key="k", Body=b"") == "AccessDenied"


class TestOwnership:
    def test_a_bucket_belongs_to_its_appid(self, people, client_of):
        other, name = client_of("other"), "theirs-1260000000"
        assert outcome(other.create_bucket, Bucket=name) == "done"
        assert outcome(other.put_object, Bucket=name, Key="k", Body=b"x") == "done"
        assert outcome(people.client().get_object, Bucket=name, Key="k") == "AccessDenied"
        assert [b["Name"] for b in other.list_buckets()["Buckets"]["Bucket"]] == [name]
        own = people.client().list_buckets()["Buckets"]["Bucket"]
        assert name not in [b["Name"] for b in own]
        assert outcome(other.create_bucket, Bucket="ours-1250000000") == "AccessDenied"
        assert outcome(people.client().create_bucket, Bucket="x-1260000000") == "AccessDenied"

    def test_a_user_without_policy_makes_no_bucket(self, client_of):
        assert outcome(client_of("sub").create_bucket, Bucket="sub-1250000000") == "AccessDenied"
        assert outcome(client_of("sub").list_buckets) == "AccessDenied"
        assert outcome(client_of("reader").list_buckets) == "done"

    def test_operations_without_a_name_are_the_owners(self, temporary, people, bucket):
        signed_all = temporary(allow("*"))
        call = {"Bucket": bucket, "Key": "doc/a"}
        for client, code in ((signed_all, "AccessDenied"), (people.client(), "NotImplemented")):
            with pytest.raises(CosServiceError) as caught:
                client.send_request(
                    "PUT", f"http://{bucket}.cos.{REGION}.myqcloud.com/doc/a?truncate", bucket,
                    auth=_auth(client, call["Key"]), headers={},
                )  # fmt: skip
            assert caught.value.get_error_code() == code


def _auth(client, key):
    return CosS3Auth(client._conf, key, {})
