"""Fill a database of its own, serve the product and the bare view side by side, ask both in turn, print a table.

`python -m tests.performance --count 100000`; needs the embedded server. Times are noisy, ratios within one run are not.
"""

import argparse
import os

import django


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="opportunities in the database (100 000)")
    parser.add_argument("--repeat", type=int, default=60, help="requests of each kind, one at a time (60)")
    parser.add_argument("--seconds", type=float, default=4, help="how long eight people ask at once (4)")
    parser.add_argument("--fresh", action="store_true", help="fill the database anew")
    parser.add_argument(
        "--only", default="", help="rows whose name begins so; `search` and `import` have databases of their own"
    )
    parser.add_argument("--kind", default="", help="`--only import`: contacts or opportunities; blank is both")
    return parser.parse_args()


def main() -> None:
    chosen = options()
    own = chosen.only if chosen.only in ("search", "import") else "bench"
    os.environ["BENCH_DATABASE"] = f"crm_{own}_{chosen.count}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.performance.settings"
    django.setup()
    from tests.performance import imports, run, search  # noqa: PLC0415 - need the models

    if own == "search":
        search.run(chosen.count, fresh=chosen.fresh)
    elif own == "import":
        imports.run(chosen.count, chosen.kind)
    else:
        run.run(chosen)


if __name__ == "__main__":
    main()
