"""The official Python SDK's own suite, group by group, from a checkout beside the project.

It takes minutes, so it is skipped unless `COS_SDK_CHECKOUT` names a checkout.
"""

import os
import urllib.error
import urllib.request

import pytest

from tests.conformance.fault_server import fault_server
from tests.conformance.groups import FAILING, GROUPS, STRONG, UNTELLING
from tests.conformance.runner import CHECKOUT, run, suite

needs_checkout = pytest.mark.skipif(
    not os.environ.get(CHECKOUT),
    reason=f"{CHECKOUT} names no checkout of github.com/tencentyun/cos-python-sdk-v5",
)


@needs_checkout
@pytest.mark.timeout(900)
@pytest.mark.parametrize("group", GROUPS)
def test_group(group, tmp_path):
    names = GROUPS[group]
    outcomes = run(list(names), tmp_path, suite())
    assert set(outcomes) == set(names), (tmp_path / "suite.log").read_text()[-2000:]
    failed = {name: found.reason for name, found in outcomes.items() if found.outcome != "passed"}
    assert failed.keys() == FAILING.keys() & set(names), failed


def test_the_tables_name_tests_of_the_groups():
    every = [name for names in GROUPS.values() for name in names]
    assert len(every) == len(set(every)) == 109
    assert len(STRONG) == 55
    assert FAILING.keys() <= set(every)
    assert not STRONG & UNTELLING
    assert set(every) >= UNTELLING


@pytest.mark.parametrize(
    ("path", "first", "again"),
    [("204r", 204, 204), ("404", 404, 404), ("503", 503, 200), ("500l", 500, 500)],
)
def test_the_fault_server(path, first, again):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def status(address, **headers):
        request = urllib.request.Request(
            f"http://{address}/{path}", b"x" * 10, headers, method="PUT"
        )
        try:
            with opener.open(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    with fault_server() as address:
        assert status(address) == first
        assert status(address, **{"x-cos-sdk-retry": "true"}) == again
