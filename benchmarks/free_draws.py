"""How many freely drawn networks fit a budget: those that `plain_optuna.py` draws, as tutorials do.

python -m benchmarks.free_draws [--draws 10000]
"""

import argparse

import optuna

from benchmarks.plain_optuna import suggest_cnn, suggest_fcn

BUDGETS = (10_000, 20_000, 50_000, 100_000, 200_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=10_000)
    draws = parser.parse_args().draws
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print("| family | " + " | ".join(f"{budget:,}" for budget in BUDGETS) + " |")
    print("|---|" + "---:|" * len(BUDGETS))
    for family, suggest in (("FCN", suggest_fcn), ("CNN", suggest_cnn)):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        counts = [sum(weights.numel() for weights in suggest(study.ask()).parameters()) for _ in range(draws)]
        shares = [sum(count <= budget for count in counts) / draws for budget in BUDGETS]
        print(f"| {family} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")


if __name__ == "__main__":
    main()
