#!/usr/bin/env python3
"""What labpress itself costs: a build that has nothing to train, runs whose runner does next to nothing, and charts.

    cargo build --release --bin labpress
    benches/overhead.py [PATH OF labpress]

Prints medians with quartiles, the number of measurements, and how busy the machine was. Needs Python's standard library
and `sh`. docs/performance.md has the numbers of our machine.
"""

import json, os, pathlib, random, resource, shutil, statistics, subprocess, sys, tempfile, time

LABPRESS = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/labpress").resolve()
BUILDS, SERIES_OF_RUNS, RUNS_A_SERIES = 40, 7, 100
RECORDINGS, RUNS_TO_RECORD, EPOCHS_TO_RECORD = 3, (100, 200, 500), 300
CHART_BUILDS, CHART_EXPERIMENTS, CHART_SEEDS, CHART_EPOCHS = 15, 100, 5, 100
SERIES = ("train.loss", "valid.loss", "valid.accuracy")

LAYOUT = "<!doctype html>\n<title>{{ page.title }}</title>\n{{ content | safe }}\n"
# Without a program but `sh` itself, so that little is measured but labpress.
RUNNER = """seed=${LABPRESS_RUN##*-s}; seed=${seed%%-*}
{
    echo '{"event":"start","environment":{"device":"none"}}'
    for epoch in $EPOCHS; do
        echo '{"event":"metric","name":"valid.accuracy","step":'$epoch',"value":0.'$epoch$seed'}'
    done
    echo '{"event":"metric","name":"accuracy","value":0.9'$seed'}'
    echo '{"event":"done"}'
} >>"$LABPRESS_RUN/events.jsonl"
"""


def site(folder, experiments, variants, seeds, epochs):
    """Writes a site with one post an experiment, which shows a value, a chart and a table of it."""
    write(folder / "_config.yml", "title: Overhead\nurl: https://example.org\n")
    write(folder / "_layouts" / "post.html", LAYOUT)
    for number in range(experiments):
        name = f"experiment-{number}"
        text = "".join(f"  variant-{one}: {{rate: {one}}}\n" for one in range(variants))
        write(
            folder / "experiments" / name / "experiment.yml",
            f"title: Experiment {number}\nrunner: {{command: [sh, run.sh], inputs: [run.sh]}}\n"
            f"seeds: {seeds}\nparams: {{number: {number}}}\nvariants:\n{text}",
        )
        runner = RUNNER.replace("$EPOCHS", " ".join(str(epoch) for epoch in range(1, epochs + 1)))
        write(folder / "experiments" / name / "run.sh", runner)
        write(
            folder / "_posts" / f"2026-01-{number + 1:02}-post.md",
            f"---\ntitle: Post {number}\nlayout: post\n---\nIt gets {{% value {name}.variant-0.accuracy %}}.\n\n"
            f"{{% chart {name} curves %}}\n\n{{% table {name} %}}\n",
        )


def site_of_charts(folder):
    """Writes a site with one post an experiment, which shows a chart of each of its series."""
    write(folder / "_config.yml", "title: Charts\nurl: https://example.org\n")
    write(folder / "_layouts" / "post.html", LAYOUT)
    for number in range(CHART_EXPERIMENTS):
        name = f"experiment-{number}"
        experiment = folder / "experiments" / name
        write(
            experiment / "experiment.yml",
            f"title: Experiment {number}\nrunner: {{command: [sh, run.sh]}}\nseeds: {CHART_SEEDS}\n"
            'params: {rate: 0.1}\nmetrics: {valid.accuracy: {goal: max, unit: "%"}}\n',
        )
        write(experiment / "run.sh", 'seed=${LABPRESS_RUN##*-s}; cat "events-${seed%%-*}" >>"$LABPRESS_RUN/events.jsonl"\n')
        for seed in range(CHART_SEEDS):
            write(experiment / f"events-{seed}", events(random.Random(f"{number} {seed}")))
        charts = "".join(f'{{% chart {name} curves y="{series}" %}}\n\n' for series in SERIES)
        post = f"---\ntitle: Post {number}\nlayout: post\n---\n{charts}"
        write(folder / "_posts" / f"2026-01-{number % 28 + 1:02}-post-{number}.md", post)


def events(chance):
    """What a run reports: numbers that improve with the epochs."""
    lines = [{"event": "start", "environment": {"device": "none"}}]
    for epoch in range(1, CHART_EPOCHS + 1):
        loss = 2 / epoch ** 0.5 + chance.uniform(0, 0.1)
        for name, value in zip(SERIES, (loss, loss * chance.uniform(1, 1.2), 1 / (1 + loss))):
            lines.append({"event": "metric", "name": name, "step": epoch, "value": value})
    lines += [{"event": "metric", "name": "accuracy", "value": chance.uniform(0.8, 0.9)}, {"event": "done"}]
    return "".join(json.dumps(line) + "\n" for line in lines)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def processor_time():
    """Seconds of processor time that ended child processes have taken."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def labpress(folder, *arguments):
    """Seconds that a call takes."""
    started = time.perf_counter()
    done = subprocess.run([LABPRESS, *arguments], cwd=folder, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        sys.exit(done.stderr)
    return seconds


def tell(what, seconds, aim):
    first, median, third = (1000 * one for one in statistics.quantiles(seconds, n=4))
    print(f"{what}: median {median:.1f} ms, quartiles {first:.1f} to {third:.1f}, n = {len(seconds)}; aim: {aim} ms")


def fresh_builds(folder):
    """Builds of a site whose 1,000 runs are all recorded."""
    site(folder, experiments=10, variants=10, seeds=10, epochs=20)
    labpress(folder, "run")
    labpress(folder, "build")
    before = processor_time()
    seconds = [labpress(folder, "build") for _ in range(BUILDS)]
    print(f"processor time of such a build: {1000 * (processor_time() - before) / BUILDS:.0f} ms on average")
    return seconds


def added_per_run(folder):
    """What a run costs beyond the runner itself, with one run at a time, and what `labpress run` costs as such."""
    site(folder, experiments=1, variants=10, seeds=RUNS_A_SERIES // 10, epochs=0)
    experiment = folder / "experiments" / "experiment-0"
    added = []
    for _ in range(SERIES_OF_RUNS):
        subprocess.run(["rm", "-rf", experiment / "runs"], check=True)
        whole = labpress(folder, "run", "--jobs", "1")
        records = len(list((experiment / "runs").iterdir()))
        assert records == RUNS_A_SERIES, records
        added.append((whole - bare_runners(folder, experiment)) / RUNS_A_SERIES)
    return added


def bare_runners(folder, experiment):
    """Seconds that as many runners take without labpress."""
    run = folder / "bare-s1-x"
    run.mkdir(exist_ok=True)
    environment = {**os.environ, "LABPRESS_RUN": str(run)}
    started = time.perf_counter()
    for _ in range(RUNS_A_SERIES):
        subprocess.run(["sh", "run.sh"], cwd=experiment, env=environment, check=True)
    return time.perf_counter() - started


def beyond_runners(folder, runs):
    """Seconds of processor time that recording `runs` runs takes, without the runners' own."""
    site(folder, experiments=1, variants=10, seeds=runs // 10, epochs=EPOCHS_TO_RECORD)
    experiment = folder / "experiments" / "experiment-0"
    seconds = []
    for _ in range(RECORDINGS):
        shutil.rmtree(experiment / "runs", ignore_errors=True)
        before = processor_time()
        labpress(folder, "run", "--quiet")
        whole = processor_time() - before
        assert len(list((experiment / "runs").iterdir())) == runs
        bare_runners(folder, experiment)
        bare = processor_time() - before - whole
        seconds.append(whole - bare * runs / RUNS_A_SERIES)
    return statistics.median(seconds)


def chart_builds(folder):
    """Processor time of builds of a site with 300 charts: into an empty folder, and into the folder of the last one."""
    site_of_charts(folder)
    labpress(folder, "run", "--quiet")
    cold, warm = [], []
    for _ in range(CHART_BUILDS):
        for cache in ("public", ".labpress"):
            shutil.rmtree(folder / cache, ignore_errors=True)
        for seconds in (cold, warm):
            before = processor_time()
            labpress(folder, "build", "--locked")
            seconds.append(processor_time() - before)
    return cold, warm


def main():
    print(f"{LABPRESS}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    with tempfile.TemporaryDirectory() as folder:
        tell("a build with 1,000 fresh runs", fresh_builds(pathlib.Path(folder)), 150)
    with tempfile.TemporaryDirectory() as folder:
        tell("added to a run", added_per_run(pathlib.Path(folder)), 15)
    for runs in RUNS_TO_RECORD:
        with tempfile.TemporaryDirectory() as folder:
            seconds = beyond_runners(pathlib.Path(folder), runs)
        print(f"recording {runs} runs of {EPOCHS_TO_RECORD} events, processor time beyond the runners: "
              f"median {seconds:.2f} s, n = {RECORDINGS}; aim for 500: 2 s")
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = chart_builds(pathlib.Path(folder))
    print(f"a build with {CHART_EXPERIMENTS * len(SERIES)} charts, processor time: median {statistics.median(cold):.2f} s into an "
          f"empty folder, {statistics.median(warm):.2f} s again, n = {CHART_BUILDS}")
    print(f"load {os.getloadavg()[0]:.1f} after")


main()
