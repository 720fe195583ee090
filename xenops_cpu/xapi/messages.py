"""Messages in the pool when its CPU features change, as XenCenter and Xen Orchestra show them.

xapi raised four of them until 23.16 (2023) and dropped them when it stopped looking into
featuresets; clients still know their names. Here the body names the features. Names and
priorities: ocaml/xapi-consts/api_messages.ml (1 is critical, 5 informational).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from .changes import SETS, FeatureChange
from .errors import ApiFailure, XapiError
from .session import Session
from .value import Value

# xapi has none for VMs; this is ours, and clients show it by its name.
VM_MESSAGE = "VM_CPU_FEATURES_UNAVAILABLE"
PRIORITIES = {
    VM_MESSAGE: 3,
    "HOST_CPU_FEATURES_DOWN": 3,
    "HOST_CPU_FEATURES_UP": 5,
    "POOL_CPU_FEATURES_DOWN": 5,
    "POOL_CPU_FEATURES_UP": 5,
}
ROLE = "pool-operator"
_CLASSES = {"host": "Host", "pool": "Pool"}
_NOBODY = "00000000-0000-0000-0000-000000000000"


class RoleError(XapiError):
    """The session's role does not allow messages."""


@frozen
class Message:
    """A message as Message.create takes it; `cls` is XenAPI's name of the object's class."""

    name: str
    cls: str
    obj_uuid: str
    body: str

    @property
    def priority(self) -> int:
        return PRIORITIES[self.name]


def of_change(change: FeatureChange) -> Iterator[Message]:
    """One message for what went away, one for what came; none for VMs, for which xapi has none."""
    if change.kind not in _CLASSES:
        return
    for way, words in (("DOWN", "Some features have gone away"), ("UP", "There are new features")):
        lines = []
        for item in change.sets:
            names = item.lost if way == "DOWN" else item.gained
            if names:
                lines.append(f"{item.title}: {' '.join(names)}")
        if lines:
            yield Message(
                f"{change.kind.upper()}_CPU_FEATURES_{way}",
                _CLASSES[change.kind],
                change.uuid,
                f"The CPU features of this {change.kind} have changed. {words}.\n"
                + "\n".join(lines),
            )


def of_audit(
    kind: str, uuid: str, wrong: Sequence[tuple[str, Sequence[str], Sequence[str]]]
) -> Iterator[Message]:
    """Of a host's or the pool's record that is not as it should be. `wrong`: of each set its key in
    the record, the features that it has and should not have, those that it should have.
    """
    if kind not in _CLASSES:
        return
    for way, words in (
        ("DOWN", "It has features that are not there"),
        ("UP", "It lacks features that are there"),
    ):
        lines = [
            f"{SETS.get(key, key)}: {' '.join(names)}"
            for key, lost, gained in wrong
            if (names := lost if way == "DOWN" else gained)
        ]
        if lines:
            yield Message(
                f"{kind.upper()}_CPU_FEATURES_{way}",
                _CLASSES[kind],
                uuid,
                f"The record of this {kind}'s CPU features is not as it should be. {words}.\n"
                + "\n".join(lines),
            )


def of_vm(uuid: str, text: str) -> Message:
    """Of a VM that no host takes in, or whose record is of the wrong kind."""
    return Message(VM_MESSAGE, "VM", uuid, text)


def assert_allowed(session: Session) -> None:
    """That the session may raise messages, without raising one. Raises RoleError.

    xapi looks at the role before it looks for the object; there is none with this UUID.
    """
    try:
        session.call("message.create", "HOST_CPU_FEATURES_UP", 5, "Host", _NOBODY, "")
    except ApiFailure as failure:
        if failure.code == "RBAC_PERMISSION_DENIED":
            raise RoleError(
                f"{session.coordinator}: {session.credentials.user} may not raise messages; "
                f"that takes the role {ROLE} (the others are told without it)"
            ) from failure
        if failure.code != "UUID_INVALID":
            raise


def raise_once(session: Session, message: Message) -> bool:
    """Raise a message; False if the pool has just this one already. Raises XapiError."""
    if _there(session, message):
        return False
    session.call(
        "message.create",
        message.name,
        message.priority,
        message.cls,
        message.obj_uuid,
        message.body,
    )
    return True


def _there(session: Session, message: Message) -> bool:
    bodies: set[str] = set()

    def each(_reference: str, value: Value) -> None:
        if isinstance(value, dict) and isinstance(body := value.get("body"), str):
            bodies.add(body)

    expression = f'field "name" = "{message.name}" and field "obj_uuid" = "{message.obj_uuid}"'
    session.call("message.get_all_records_where", expression, each=each)
    return message.body in bodies
