"""Settings that have an id: inventories, intelligent tiering, certificates of domains."""

import copy

import pytest

INVENTORY = {
    "IsEnabled": "true",
    "IncludedObjectVersions": "Current",
    "Filter": {"Prefix": "图/"},
    "OptionalFields": {"Field": ["Size", "ETag"]},
    "Schedule": {"Frequency": "Daily"},
    "Destination": {
        "COSBucketDestination": {
            "Bucket": "qcs::cos:ap-guangzhou::lists-1250000000",
            "AccountId": "100000000001",
            "Format": "CSV",
            "Prefix": "lists",
            "Encryption": {"SSE-COS": None},
        }
    },
}


def put_inventory(client, bucket, name, **changes):
    document = {**copy.deepcopy(INVENTORY), **changes}
    client.put_bucket_inventory(Bucket=bucket, Id=name, InventoryConfiguration=document)


def test_an_inventory(client, bucket, refused):
    missing = (404, "NoSuchInventory")
    assert refused(client.get_bucket_inventory, Bucket=bucket, Id="one") == missing
    put_inventory(client, bucket, "one")
    assert client.get_bucket_inventory(Bucket=bucket, Id="one") == {**INVENTORY, "Id": "one"}
    put_inventory(client, bucket, "one", IsEnabled="false")
    assert client.get_bucket_inventory(Bucket=bucket, Id="one")["IsEnabled"] == "false"
    client.delete_bucket_inventory(Bucket=bucket, Id="one")
    assert refused(client.get_bucket_inventory, Bucket=bucket, Id="one") == missing
    client.delete_bucket_inventory(Bucket=bucket, Id="one")


def test_one_without_fields_can_be_read_by_the_sdk(client, bucket):
    document = {name: value for name, value in INVENTORY.items() if name != "OptionalFields"}
    client.put_bucket_inventory(Bucket=bucket, Id="bare", InventoryConfiguration=document)
    assert client.get_bucket_inventory(Bucket=bucket, Id="bare")["OptionalFields"] is None


def test_inventories_are_listed_in_pages(client, bucket, refused):
    names = [f"ID-{n}" for n in range(150)]
    for name in names:
        put_inventory(client, bucket, name)
    first = client.list_bucket_inventory_configurations(Bucket=bucket)
    assert [each["Id"] for each in first["InventoryConfiguration"]] == names[:100]
    assert first["IsTruncated"] == "true"
    token = first["NextContinuationToken"]
    second = client.list_bucket_inventory_configurations(Bucket=bucket, ContinuationToken=token)
    assert [each["Id"] for each in second["InventoryConfiguration"]] == names[100:]
    assert (second["IsTruncated"], second["ContinuationToken"]) == ("false", token)
    assert "NextContinuationToken" not in second
    for wrong in ("bm9uZQ==", "\N{SNOWMAN}", "a"):
        call = client.list_bucket_inventory_configurations
        assert refused(call, Bucket=bucket, ContinuationToken=wrong) == (400, "InvalidArgument")


def test_an_inventory_at_once(client, bucket, refused):
    once = {n: v for n, v in INVENTORY.items() if n not in ("IsEnabled", "Schedule")}
    client.post_bucket_inventory(Bucket=bucket, Id="now", InventoryConfiguration=dict(once))
    answer = refused(
        client.post_bucket_inventory, Bucket=bucket, Id="now", InventoryConfiguration=dict(once)
    )
    assert answer == (409, "DuplicateInventoryId")


@pytest.mark.parametrize(
    ("name", "changes", "code"),
    [
        ("a b", {}, "InvalidArgument"),
        ("x" * 65, {}, "InvalidArgument"),
        ("ok", {"IncludedObjectVersions": "Some"}, "MalformedXML"),
        ("ok", {"Schedule": {"Frequency": "Hourly"}}, "MalformedXML"),
        ("ok", {"Schedule": {}}, "MalformedXML"),
        ("ok", {"Destination": {}}, "MalformedXML"),
        ("ok", {"OptionalFields": {"Field": ["Colour"]}}, "MalformedXML"),
        ("ok", {"Filter": {"Prefix": "p" * 851}}, "InvalidArgument"),
        ("ok", {"Junk": "j" * 17_000}, "XMLSizeLimit"),
    ],
)
def test_inventories_that_are_refused(client, bucket, refused, name, changes, code):
    document = {**copy.deepcopy(INVENTORY), **changes}
    answer = refused(
        client.put_bucket_inventory, Bucket=bucket, Id=name, InventoryConfiguration=document
    )
    assert answer == (400, code)
    listed = client.list_bucket_inventory_configurations(Bucket=bucket)
    assert "InventoryConfiguration" not in listed


def test_the_id_of_the_address_and_of_the_document_agree(put_xml, signed):
    body = (
        "<IntelligentTieringConfiguration><Id>a</Id><Status>Enabled</Status><Tiering><AccessTier>"
    )
    body += "ARCHIVE_ACCESS</AccessTier><Days>90</Days></Tiering></IntelligentTieringConfiguration>"
    assert put_xml("intelligent-tiering", body, id="b").status_code == 400
    assert put_xml("intelligent-tiering", body).status_code == 400
    assert put_xml("intelligent-tiering", body, id="a").status_code == 200


def tiering(name, tier, days="30"):
    return {"Id": name, "Status": "Enabled", "Tiering": {"AccessTier": tier, "Days": days}}


def test_tiering(client, bucket, refused):
    put, get = client.put_bucket_intelligenttiering_v2, client.get_bucket_intelligenttiering_v2
    assert refused(get, Bucket=bucket, Id="cold") == (404, "NoSuchConfiguration")
    cold = tiering("cold", "ARCHIVE_ACCESS", "90")
    put(Bucket=bucket, Id="cold", IntelligentTieringConfiguration=cold)
    assert get(Bucket=bucket, Id="cold") == cold
    older = {"Status": "Enabled", "Transition": {"Days": "60", "RequestFrequent": "1"}}
    client.put_bucket_intelligenttiering(Bucket=bucket, IntelligentTieringConfiguration=older)
    assert client.get_bucket_intelligenttiering(Bucket=bucket) == older
    assert get(Bucket=bucket, Id="default")["Tiering"] == {
        "AccessTier": "INFREQUENT", "Days": "60", "RequestFrequent": "1",
    }  # fmt: skip
    listed = client.list_bucket_intelligenttiering_configurations(Bucket=bucket)
    assert [each["Id"] for each in listed["IntelligentTieringConfiguration"]] == ["cold", "default"]


def test_the_default_rule_is_suspended_but_not_changed(client, bucket, refused):
    put = client.put_bucket_intelligenttiering_v2
    put(
        Bucket=bucket,
        Id="default",
        IntelligentTieringConfiguration=tiering("default", "INFREQUENT"),
    )
    changed = tiering("default", "INFREQUENT", "60")
    answer = refused(put, Bucket=bucket, Id="default", IntelligentTieringConfiguration=changed)
    assert answer == (400, "InvalidArgument")
    older = {"Status": "Suspended", "Transition": {"Days": "30"}}
    client.put_bucket_intelligenttiering(Bucket=bucket, IntelligentTieringConfiguration=older)
    assert client.get_bucket_intelligenttiering(Bucket=bucket)["Status"] == "Suspended"


def test_each_tier_has_its_rule(client, bucket, refused):
    put = client.put_bucket_intelligenttiering_v2
    for name, tier in (("default", "ARCHIVE_ACCESS"), ("cold", "INFREQUENT")):
        rule = tiering(name, tier)
        answer = refused(put, Bucket=bucket, Id=name, IntelligentTieringConfiguration=rule)
        assert answer == (400, "InvalidArgument")


PEM = "-----BEGIN {0}-----\nMAo=\n-----END {0}-----\n"
DOMAIN = "www.example.com"


def certificate(cert, key, domain=DOMAIN):
    return {
        "CertificateInfo": {
            "CertType": "CustomCert", "CustomCert": {"Cert": cert, "PrivateKey": key},
        },
        "DomainList": [{"DomainName": domain}],
    }  # fmt: skip


def test_certificates(client, bucket, refused, cloud):
    put, get = client.put_bucket_domain_certificate, client.get_bucket_domain_certificate
    good = certificate(PEM.format("CERTIFICATE"), PEM.format("RSA PRIVATE KEY"))
    answer = refused(put, Bucket=bucket, DomainCertificateConfiguration=good)
    assert answer == (400, "InvalidArgument")  # the bucket does not have the domain yet
    rule = {"Status": "ENABLED", "Name": DOMAIN, "Type": "REST"}
    client.put_bucket_domain(Bucket=bucket, DomainConfiguration={"DomainRule": [rule]})
    bad = certificate("nonsense", "nonsense")
    answer = refused(put, Bucket=bucket, DomainCertificateConfiguration=bad)
    assert answer == (400, "InvalidArgument")
    assert get(Bucket=bucket, DomainName=DOMAIN) == {"Status": "Disabled"}
    put(Bucket=bucket, DomainCertificateConfiguration=good)
    assert get(Bucket=bucket, DomainName=DOMAIN) == {"Status": "Enabled"}
    kept = b"".join(path.read_bytes() for path in cloud.data.glob("metadata*"))
    assert b"RSA PRIVATE KEY" not in kept
    client.delete_bucket_domain_certificate(Bucket=bucket, DomainName=DOMAIN)
    assert get(Bucket=bucket, DomainName=DOMAIN) == {"Status": "Disabled"}
