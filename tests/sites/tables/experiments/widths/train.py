import json
import math
import os
import pathlib

folder = pathlib.Path(os.environ["LABPRESS_RUN"])
job = json.loads((folder / "run.json").read_text())
params, seed = job["params"], job["seed"]
width = params["model"].get("width", 2)
# What a seed decides is the same for all variants; the rest is small.
shared = 0.02 * math.sin(3 * seed)
own = 0.002 * math.sin(7 * seed + width + 100 * params["lr"])
accuracy = round(0.9 - 0.4 / min(width, 16) - 0.1 * (params["lr"] < 0.1) + shared + own, 4)
with open(folder / "events.jsonl", "a") as events:
    for event in [
        {"event": "start", "environment": {"device": "pencil"}},
        {"event": "metric", "name": "accuracy", "value": accuracy},
        {"event": "metric", "name": "loss", "value": round(-math.log(accuracy) + own, 4)},
        {"event": "done"},
    ]:
        print(json.dumps(event), file=events)
