"""A bucket's lifecycle is answered as it was put, as AWS does."""

from embedded_aws import REGION
from embedded_cloud import Cloud


def test_the_number_of_replaced_versions_that_stay_is_kept(cloud: Cloud):
    s3, bucket = cloud["s3"], "with-versions"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    counted = {"NoncurrentDays": 365, "NewerNoncurrentVersions": 50}
    rules = [
        {"ID": name, "Status": "Enabled", "Filter": {"Prefix": f"{name}/"}, "NoncurrentVersionExpiration": expiration}
        for name, expiration in (("counted", counted), ("by-age", {"NoncurrentDays": 30}))
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert [each["NoncurrentVersionExpiration"] for each in found] == [counted, {"NoncurrentDays": 30}]
