r"""CPU seconds of the commands that only look: this version and another one side by side, in turn.

    python benchmarks/small_commands.py --storage sqlite:///studies.db --study NAME --bundle exports/NAME-trial-3 \
        --image shoe.png --before ../before/bin/python

`--before` is the Python of an environment with the version to compare with. Each command runs as its own process; what
is given is the time of the processor in user and system mode, which another process on the machine lengthens less than
the time on a clock.
"""

import argparse
import platform
import resource
import statistics
import subprocess
import sys


def measure(command: list[str]) -> float:
    """CPU seconds of a process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=False, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def list_commands(given: argparse.Namespace) -> list[list[str]]:
    """What is measured."""
    storage = ["--storage", given.storage]
    commands = [["--version"], ["--help"], ["list", *storage], ["data", "list"]]
    commands += [[name, given.study, *storage] for name in ("show", "best", "status")]
    if given.bundle:
        commands += [["predict", given.bundle, "absent.png"]]
        commands += [["predict", given.bundle, given.image]] if given.image else []
    return commands


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storage", required=True)
    parser.add_argument("--study", required=True)
    parser.add_argument("--bundle")
    parser.add_argument("--image")
    parser.add_argument("--before", help="the Python of another version's environment")
    parser.add_argument("-n", type=int, default=5)
    given = parser.parse_args()
    pythons = {"before": given.before} if given.before else {}
    pythons["now"] = sys.executable
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, n = {given.n}")
    for command in list_commands(given):
        taken: dict[str, list[float]] = {name: [] for name in pythons}
        for _ in range(given.n):
            for name, python in pythons.items():
                taken[name].append(measure([python, "-m", "hpsearch", *command]))
        medians = {name: statistics.median(times) for name, times in taken.items()}
        cells = [f"{name} {medians[name]:.2f} ({min(times):.2f} to {max(times):.2f})" for name, times in taken.items()]
        ratio = f"   {medians['before'] / medians['now']:.1f} times" if given.before else ""
        print(f"{' '.join(command)}: {'   '.join(cells)}{ratio}", flush=True)


if __name__ == "__main__":
    main()
