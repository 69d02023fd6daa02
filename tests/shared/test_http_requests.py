"""HTTP events of both triggers, and what is no such event."""

import base64

import pytest

from shared.events import EventError
from shared.http_requests import BodyTooLargeError, is_http, parse_http

URL = {
    "body": '{"a": 1}',
    "headers": {"content-type": "application/json; charset=utf-8", "host": "h"},
    "httpMethod": "POST",
    "path": "/secret",
    "queryString": {},
}
GATEWAY = {
    **URL,
    "headers": {"Content-Type": "Application/JSON", "Host": "h"},
    "path": "/callback/secret/",
    "headerParameters": {},
    "pathParameters": {},
    "queryStringParameters": {},
    "stageVariables": {"stage": "release"},
    "isBase64Encoded": False,
    "requestContext": {"stage": "release", "sourceIp": "1.2.3.4"},
}


@pytest.mark.parametrize("event", [URL, GATEWAY])
def test_both_triggers(event):
    assert is_http(event)
    request = parse_http(event)
    assert (request.method, request.last_part) == ("POST", "secret")
    assert request.headers["host"] == "h"
    assert request.headers["content-type"].lower().startswith("application/json")
    assert request.body(100) == b'{"a": 1}'


def test_a_body_in_base64():
    data = bytes(range(256))
    event = {**GATEWAY, "body": base64.b64encode(data).decode(), "isBase64Encoded": True}
    assert parse_http(event).body(256) == data
    with pytest.raises(BodyTooLargeError):
        parse_http(event).body(255)


@pytest.mark.parametrize(("body", "most"), [("a" * 11, 10), ("é" * 6, 10)])
def test_a_body_that_is_too_large_in_bytes(body, most):
    with pytest.raises(BodyTooLargeError, match="more than 10 bytes"):
        parse_http({**URL, "body": body}).body(most)


@pytest.mark.parametrize("body", ["not base64!", "YQ", "\ud800"])
def test_base64_that_is_none(body):
    with pytest.raises(EventError):
        parse_http({**URL, "body": body, "isBase64Encoded": True}).body(100)


def test_what_is_missing_is_empty():
    request = parse_http({"httpMethod": "get", "path": "/"})
    assert (request.method, request.last_part, request.body(0)) == ("GET", "", b"")
    assert request.headers == {}


@pytest.mark.parametrize(
    "event",
    [
        None, [], {}, {"httpMethod": 1}, {"httpMethod": "GET"}, {**URL, "path": None},
        {**URL, "path": "/" * 5000}, {**URL, "headers": []}, {**URL, "body": {"a": 1}},
        {**URL, "headers": {str(number): "" for number in range(201)}},
    ],
)  # fmt: skip
def test_what_no_trigger_sends(event):
    with pytest.raises(EventError):
        parse_http(event)
