"""How a thread waits for the others that train the same network: it looks for a moment, then it sleeps.

One that sleeps at once has to be woken some 200 times a step, which a virtual machine takes a quarter of the step for;
one that only looks keeps a core from other programs (docs/log.md has the measurements). PyTorch's OpenMP reads this
from the environment when it is loaded.
"""

from collections.abc import MutableMapping

_POLICY, _LOOKS = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"


def make_waiting_short(environment: MutableMapping[str, str]) -> None:
    """Say so in the environment of a process, where nobody has said how its threads wait."""
    if _POLICY not in environment and _LOOKS not in environment:
        environment.update({_POLICY: "passive", _LOOKS: "2000"})
