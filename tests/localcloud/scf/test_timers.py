"""Timer triggers on a host whose clock the test moves."""

import pytest

from localcloud.scf.serverless import load
from shared.errors import ConfigError
from tests.localcloud.scf.harness import HANDLER, play

TIMER = """\
- type: timer
  function: f
  parameters:
    name: sweep
    cronExpression: '0 */5 * * * * *'
    argument: '{"limit": 3}'
    enable: true
"""


@pytest.fixture
def project(make_project, tmp_path):
    def make(triggers=TIMER):
        fields = f"timeout: 20\nenvironments:\n  - {{key: CALLS, value: '{tmp_path / 'calls'}'}}\n"
        return make_project({"f": HANDLER}, fields=fields, triggers=triggers)

    return make


def test_a_timer_wakes_its_function_at_its_time(project):
    async def scenario(harness):
        await harness.advance(299)
        assert harness.host.idle()
        await harness.advance(1)
        await harness.until(harness.host.idle)
        await harness.advance(300)
        await harness.until(harness.host.idle)

    harness = play(project(), scenario)
    first, second = harness.calls
    assert first[0] == {
        "Type": "Timer",
        "TriggerName": "sweep",
        "Time": "2027-01-15T08:05:00Z",
        "Message": '{"limit": 3}',
    }
    assert second[0]["Time"] == "2027-01-15T08:10:00Z"
    assert first[1] != second[1]
    assert "trigger f <- timer 0 */5 * * * * *" in harness.log


def test_a_clock_that_jumped_wakes_it_once(project):
    async def scenario(harness):
        await harness.advance(86_400)
        await harness.until(harness.host.idle)

    assert len(play(project(), scenario).calls) == 1


def test_a_failing_timer_is_tried_again_as_every_event(project):
    triggers = TIMER.replace("0 */5 * * * * *", "0 5 16 * * * *")

    async def scenario(harness):
        harness.host.project.functions["f"].code.joinpath("index.py").write_text(
            HANDLER.replace('if do == "fail":', "if True:")
        )
        await harness.advance(300)
        for tries in (1, 2, 3):
            await harness.until(lambda tries=tries: len(harness.calls) == tries)
            await harness.quiet()
            await harness.advance(60)
        assert harness.host.idle()

    harness = play(project(triggers), scenario)
    assert len({one[1] for one in harness.calls}) == 1


def test_a_timer_that_is_not_enabled_is_silent(project):
    async def scenario(harness):
        await harness.advance(300)
        assert harness.host.idle()

    assert play(project(TIMER.replace("enable: true", "enable: false")), scenario).calls == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0 */5 *", "*/5 *", "has 6 fields: seven are expected"),
        ("*/5", "*/x", "the minute '*/x': 0 to 59"),
        ('{"limit": 3}', "x" * 5000, "has 5000 characters: at most 4096"),
        ("function: f", "function: g", "is 'g': one of f"),
        ("argument:", "arguments:", "arguments is unknown"),
    ],
)
def test_what_is_refused(project, old, new, said):
    with pytest.raises(ConfigError) as caught:
        load(project(TIMER.replace(old, new)), {})
    assert said in str(caught.value)
