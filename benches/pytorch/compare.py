"""Runs `lab` and PyTorch alternately on the same cores, from the start of the process to its end, and prints how long
ours took as a share of theirs: of PyTorch as it lays out tensors by itself, and of PyTorch with `channels_last`. Needs a
release build of `lab`, and PyTorch 2.11; fetches what is missing by `lab`.

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
        if isinstance(found.get(event.get("name")), list):
            found[event["name"]].append(event["value"])
        elif "value" in event:
            found[event["name"]] = event["value"]
    return times, found


def theirs(layout, name, seed, threads, environment, folder):
    log = folder / f"{layout}.json"
    times = timed([sys.executable, HERE / "twin.py", name, "--seed", str(seed), "--threads", str(threads), "--layout",
                   layout], environment, log)
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
        results = {"lab": [], "contiguous": [], "channels-last": []}
        loads = []
        with tempfile.TemporaryDirectory() as folder:
            # A round to fetch data and to fill the caches of both sides is not counted.
            for seed in range(-1, options.rounds):
                run_folder = Path(folder) / f"{seed}"
                run_folder.mkdir()
                arguments = (name, max(seed, 0), threads, environment, run_folder)
                sides = {
                    "lab": lambda: ours(options.lab, *arguments),
                    "contiguous": lambda: theirs("contiguous", *arguments),
                    "channels-last": lambda: theirs("channels-last", *arguments),
                }
                # Who begins changes from round to round.
                for side in list(sides)[:: 1 if seed % 2 == 0 else -1]:
                    loads.append(os.getloadavg()[0])
                    result = sides[side]()
                    if seed >= 0:
                        results[side].append(result)
        print(f"{name}: {options.rounds} rounds, {threads} thread(s), load {min(loads):.1f} to {max(loads):.1f}")
        for index, kind in enumerate(["clock", "processor"]):
            seconds = {side: [times[index] for times, _ in found] for side, found in results.items()}
            print(f"  {kind}:")
            for side, numbers in seconds.items():
                ratios = [a / b for a, b in zip(seconds["lab"], numbers)]
                ratio = "" if side == "lab" else f", lab's share of it {quartiles(ratios)}"
                print(f"    {side}: {quartiles(numbers)} s{ratio}")
        # That both do the same work.
        for metric in ["train.loss", "valid.accuracy", "accuracy", "loss", "parameters", "seconds"]:
            both = [f"{side} {means([found for _, found in all_found], metric)}" for side, all_found in results.items()]
            print(f"  {metric}: {', '.join(both)}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
