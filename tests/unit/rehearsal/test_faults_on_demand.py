"""Which calls a fault spoils, and how many."""

import pytest

from rehearsal.emulator.fault_injection import EFFECTS, FAILING, Fault, Faults


def test_a_fault_waits_strikes_and_is_spent():
    fault = Fault("eks", "CreateAddon", "throttled", times=2, after=1)
    assert [fault.strikes("eks", "CreateAddon") for _ in range(5)] == [False, True, True, False, False]
    assert (fault.seen, fault.spoiled) == (5, 2)


def test_other_calls_go_their_way():
    fault = Fault("eks", "CreateAddon", "throttled")
    assert not fault.strikes("eks", "DeleteAddon")
    assert not fault.strikes("ec2", "CreateAddon")
    assert fault.seen == 0


def test_what_fails_later_is_no_answer_of_its_own():
    faults = Faults()
    faults.lay([{"service": "eks", "operation": "CreateCluster", "effect": FAILING}])
    assert faults.effect("eks", "CreateCluster") is None
    assert [faults.fails_later("CreateCluster") for _ in range(2)] == [True, False]


def test_laying_takes_the_place_of_all_that_were():
    faults = Faults()
    faults.lay([{"service": "eks", "operation": "CreateCluster", "effect": effect} for effect in EFFECTS])
    faults.lay([])
    assert faults.laid() == []
    assert faults.effect("eks", "CreateCluster") is None


@pytest.mark.parametrize("wrong", [{"effect": "sunshine"}, {"effect": "throttled", "colour": "red"}])
def test_a_fault_that_is_none_is_refused(wrong: dict[str, str]):
    with pytest.raises(ValueError, match=r"no (effect sunshine|such member)"):
        Faults().lay([{"service": "eks", "operation": "CreateCluster", **wrong}])
