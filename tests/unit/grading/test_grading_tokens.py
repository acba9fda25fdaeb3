"""Tokens are signed as the AWS CLI signs them, and taken apart without being told on."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from grading.outcomes import Unanswered
from grading.session import NoOperator, Operator
from grading.tokens import SessionKey, claims, for_cluster, signed_anew
from grading.variables import names_of
from tests.unit.grading.fake_lab import OUTPUTS, REGION, FakeAws, jwt, query_of, url_in

STS = f"https://sts.{REGION}.amazonaws.com"
WHEN = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
KEY = SessionKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def by_boto(key: SessionKey, cluster: str) -> str:
    """The same request, presigned by boto3 as `aws eks get-token` has it done."""
    client = boto3.client(
        "sts",
        region_name=REGION,
        endpoint_url=STS,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        aws_session_token=key.session_token,
    )

    def add_header(request: object, **_: object) -> None:
        request.headers["x-k8s-aws-id"] = cluster  # pyright: ignore[reportAttributeAccessIssue]  # botocore's request

    client.meta.events.register("before-sign.sts.GetCallerIdentity", add_header)
    with mock.patch("botocore.auth.get_current_datetime", return_value=WHEN.replace(tzinfo=None)):
        return client.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")


@pytest.mark.parametrize("session", [None, "a-session-token/with+signs="])
def test_a_token_is_what_boto3_would_sign(session: str | None):
    key = SessionKey(KEY.access_key_id, KEY.secret_access_key, session)
    token = for_cluster(key, "myeks", region=REGION, sts=STS, when=WHEN)
    ours, theirs = urlsplit(url_in(token)), urlsplit(by_boto(key, "myeks"))
    assert (ours.scheme, ours.netloc, ours.path) == (theirs.scheme, theirs.netloc, theirs.path)
    assert parse_qs(ours.query) == parse_qs(theirs.query)
    assert not token.endswith("=")


def test_the_clusters_name_and_the_moment_are_signed():
    def signature(cluster: str = "myeks", when: datetime = WHEN) -> str:
        return query_of(for_cluster(KEY, cluster, region=REGION, sts=STS, when=when))["X-Amz-Signature"][0]

    assert signature() == signature()
    assert len({signature(), signature("another"), signature(when=WHEN - timedelta(minutes=20))}) == 3


def test_a_token_is_of_now_unless_told_otherwise():
    def date(when: datetime | None) -> datetime:
        told = query_of(for_cluster(KEY, "myeks", region=REGION, sts=STS, when=when))["X-Amz-Date"][0]
        return datetime.strptime(told, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    assert abs(date(None) - datetime.now(UTC)) < timedelta(seconds=5)
    assert date(WHEN) == WHEN


def test_the_secret_is_in_no_token():
    assert KEY.secret_access_key not in url_in(for_cluster(KEY, "myeks", region=REGION, sts=STS))


def test_one_audience_is_a_list_of_one():
    assert claims(jwt(aud="sts.amazonaws.com"))["aud"] == ["sts.amazonaws.com"]
    assert claims(jwt(aud=["a", "b"]))["aud"] == ["a", "b"]
    assert claims(jwt(sub="x"))["aud"] is None


@pytest.mark.parametrize("text", ["", "hello", "a.b", "a.b.c.d", "a.!!.c", f"a.{base64.b64encode(b'[]').decode()}.c"])
def test_what_is_no_token_is_told(text: str):
    with pytest.raises(ValueError, match="no token"):
        claims(text)
    with pytest.raises(ValueError, match="no token"):
        signed_anew(text)


def test_each_forgery_has_a_key_of_its_own():
    token = jwt(aud=["sts.amazonaws.com"])
    assert len({signed_anew(token), signed_anew(token), token}) == 3


def test_the_operators_token_is_kept_for_ten_minutes():
    now = [1000.0]
    aws = FakeAws()
    operator = Operator(aws, names_of(OUTPUTS, lambda: ""), clock=lambda: now[0])
    first = operator.token()
    aws.key = SessionKey("AKIAANOTHERKEY00", "another")
    now[0] += 599
    assert operator.token() == first
    now[0] += 2
    assert "AKIAANOTHERKEY00" in url_in(operator.token())


def test_without_credentials_there_is_no_token():
    operator = Operator(FakeAws(key=Unanswered("There are no AWS credentials.")), names_of(OUTPUTS, lambda: ""))
    with pytest.raises(NoOperator, match="no AWS credentials"):
        operator.token()
