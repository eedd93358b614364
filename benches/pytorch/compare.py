"""Runs `lab` and PyTorch alternately on the same cores, from the start of the process to its end, and prints how long
ours took as a share of theirs. Needs a release build of `lab`, and PyTorch 2.11; fetches what is missing by `lab`.

    python compare.py [--lab target/release/lab] [--rounds 5] [--cores 0] [convnet resnet9 lite0]

Times on a machine that does other work are uneven, so the processor time stands beside the time on the clock.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def timed(command, environment, log):
    """Seconds on the clock, seconds of the processor (with all children)."""
    before = os.times()
    started = time.perf_counter()
    with open(log, "w") as file:
        done = subprocess.run(command, env=environment, stdout=file, stderr=subprocess.STDOUT, check=False)
    seconds = time.perf_counter() - started
    after = os.times()
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{Path(log).read_text()}")
    spent = sum(getattr(after, name) - getattr(before, name) for name in ("children_user", "children_system"))
    return seconds, spent


def ours(lab, name, seed, threads, environment, folder):
    times = timed([lab, "train", HERE / f"{name}.yml", "--seed", str(seed), "--threads", str(threads), "--out", folder],
                  environment, folder / "log.txt")
    found = {"train.loss": [], "valid.accuracy": []}
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event.get("name") in found:
            found[event["name"]].append(event["value"])
        elif "value" in event:
            found[event["name"]] = event["value"]
    return times, found


def theirs(name, seed, threads, environment, folder):
    log = folder / "twin.json"
    times = timed([sys.executable, HERE / "twin.py", name, "--seed", str(seed), "--threads", str(threads)], environment,
                  log)
    return times, json.loads(log.read_text().splitlines()[-1])


def quartiles(numbers):
    low, middle, high = statistics.quantiles(numbers, n=4, method="inclusive")
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def means(found, name):
    series = [one[name] for one in found]
    if isinstance(series[0], list):
        return " ".join(f"{statistics.mean(column):.3f}" for column in zip(*series))
    return f"{statistics.mean(series):.4g}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("trainings", nargs="*", default=["convnet", "resnet9", "lite0"])
    parser.add_argument("--lab", default=str(HERE.parent.parent / "target/release/lab"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", default="0", help="as taskset takes them; a thread each")
    options = parser.parse_args()
    cores = {int(core) for core in options.cores.split(",")}
    os.sched_setaffinity(0, cores)
    threads = len(cores)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    for name in options.trainings:
        results = {"ours": [], "theirs": []}
        loads = []
        with tempfile.TemporaryDirectory() as folder:
            # A round to fetch data and to fill the caches of both sides is not counted.
            for seed in range(-1, options.rounds):
                run_folder = Path(folder) / f"{seed}"
                run_folder.mkdir()
                sides = {
                    "ours": lambda: ours(options.lab, name, max(seed, 0), threads, environment, run_folder),
                    "theirs": lambda: theirs(name, max(seed, 0), threads, environment, run_folder),
                }
                # Who begins changes from round to round.
                for side in list(sides)[:: 1 if seed % 2 == 0 else -1]:
                    loads.append(os.getloadavg()[0])
                    result = sides[side]()
                    if seed >= 0:
                        results[side].append(result)
        print(f"{name}: {options.rounds} rounds, {threads} thread(s), load {min(loads):.1f} to {max(loads):.1f}")
        for index, kind in enumerate(["clock", "processor"]):
            mine, other = ([times[index] for times, _ in results[side]] for side in ("ours", "theirs"))
            ratios = [a / b for a, b in zip(mine, other)]
            print(f"  {kind}: ours {quartiles(mine)} s, PyTorch {quartiles(other)} s, ratio {quartiles(ratios)}")
        for metric in ["train.loss", "valid.accuracy", "accuracy", "loss", "parameters", "seconds"]:
            mine, other = ([found for _, found in results[side]] for side in ("ours", "theirs"))
            print(f"  {metric}: ours {means(mine, metric)}, PyTorch {means(other, metric)}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
