"""Messages in the pool: which, how urgent, once."""

from collections.abc import Iterator

import pytest

from tests.support.hosts import names
from tests.support.xapi_server import StandIn, serving
from xenops_cpu.features.fit import fit
from xenops_cpu.xapi import messages, url
from xenops_cpu.xapi.changes import FeatureChange, SetChange
from xenops_cpu.xapi.credentials import Credentials
from xenops_cpu.xapi.errors import ApiFailure
from xenops_cpu.xapi.http import Timeouts
from xenops_cpu.xapi.messages import Message, RoleError
from xenops_cpu.xapi.session import Session
from xenops_cpu.xapi.tls import Trust

HOST = "a0000000-0000-4000-8000-000000000000"
POOL = "6f1c0000-0000-4000-8000-000000000000"


def opened(xapi: StandIn, user: str = "operator") -> Session:
    credentials = Credentials(user, xapi.world.passwords[user])
    trust = Trust(tell=lambda _: None)
    return Session(url.parse(xapi.url), credentials, trust, Timeouts(2, 20))


@pytest.fixture(params=["2.0", ""])
def xapi(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with serving() as stand_in:
        stand_in.json_version = request.param
        yield stand_in


def changed(kind: str = "host", lost: str = "HLE RTM", gained: str = "") -> FeatureChange:
    old, new = names(f"FPU {lost}"), names(f"FPU {gained}")
    item = SetChange("features_hvm_host", old, new, tuple(lost.split()), tuple(gained.split()))
    uuid = HOST if kind == "host" else POOL
    return FeatureChange(kind, uuid, kind, fit("4.17", 0), (item,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (changed(), [("HOST_CPU_FEATURES_DOWN", 3, "Host")]),
        (changed(lost="", gained="GDS_NO"), [("HOST_CPU_FEATURES_UP", 5, "Host")]),
        (changed("pool"), [("POOL_CPU_FEATURES_DOWN", 5, "Pool")]),
        (
            changed("pool", "RTM", "GDS_NO"),
            [("POOL_CPU_FEATURES_DOWN", 5, "Pool"), ("POOL_CPU_FEATURES_UP", 5, "Pool")],
        ),
        (changed("VM"), []),
    ],
)
def test_names_and_priorities(change: FeatureChange, expected: list[tuple[str, int, str]]) -> None:
    """Those of xapi's table; none for VMs, for which there are none."""
    made = list(messages.of_change(change))
    assert [(message.name, message.priority, message.cls) for message in made] == expected


def test_the_body_names_the_features() -> None:
    """What went is in the one that says down, and only there."""
    down, up = messages.of_change(changed(lost="HLE RTM", gained="GDS_NO"))
    assert down.body == (
        "The CPU features of this host have changed. Some features have gone away.\n"
        "HVM guests at boot: HLE RTM"
    )
    assert up.body.endswith("There are new features.\nHVM guests at boot: GDS_NO")


def test_a_message_is_raised_once(xapi: StandIn) -> None:
    """The same name, object and body are not raised again; another body is."""
    message, other = (next(messages.of_change(changed(lost=lost))) for lost in ("RTM", "HLE"))
    with opened(xapi) as session:
        assert messages.raise_once(session, message)
        assert not messages.raise_once(session, message)
        assert messages.raise_once(session, other)
    table = xapi.world.tables["message"].values()
    assert [record["body"] for record in table] == [message.body, other.body]
    assert {record["priority"] for record in table} == {3}
    assert {record["obj_uuid"] for record in table} == {HOST}


def test_the_role_is_looked_at_without_a_message(xapi: StandIn) -> None:
    """read-only does not suffice, and the error names the role that does."""
    with opened(xapi) as session:
        messages.assert_allowed(session)
    with (
        opened(xapi, "reader") as session,
        pytest.raises(RoleError, match="the role pool-operator"),
    ):
        messages.assert_allowed(session)
    assert xapi.world.tables["message"] == {}


def test_other_failures_are_told(xapi: StandIn) -> None:
    """An object that is gone meanwhile, a method that is not there."""
    with opened(xapi) as session:
        with pytest.raises(ApiFailure, match="there is no Host with the UUID gone"):
            messages.raise_once(session, Message("HOST_CPU_FEATURES_UP", "Host", "gone", "x"))
        xapi.world.roles.clear()
        del xapi.world.tables["message"]
        with pytest.raises(ApiFailure, match=r"no method message\.get_all_records_where"):
            messages.raise_once(session, Message("HOST_CPU_FEATURES_UP", "Host", HOST, "x"))
