"""Writes tests/imports/: small result files as TensorBoard, MLflow and Weights & Biases write them.

    pip install tensorboard tensorboardX mlflow-skinny wandb numpy
    python3 tests/reference/imports.py tests/imports

Needs no network and no account.
"""

import os
import pathlib
import shutil
import struct
import sys
import tempfile

os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_CONSOLE="off", WANDB_DISABLE_CODE="true",
                  WANDB_X_DISABLE_STATS="true", WANDB_X_DISABLE_META="true", WANDB_DISABLE_GIT="true",
                  WANDB_X_DISABLE_MACHINE_INFO="true", MLFLOW_ALLOW_FILE_STORE="true", LOGNAME="user")

RUNS = [("adam", 0, 0.001), ("adam", 1, 0.001), ("sgd", 0, 0.1), ("sgd", 1, 0.1)]


def losses(name, seed):
    """Three epochs of a made-up loss, exact in 32 bits."""
    start = 0.5 if name == "adam" else 1.0
    return [start / 2**epoch + seed / 64 for epoch in range(3)]


def tensorboard(folder):
    import tensorboardX
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for name, seed, lr in RUNS:
        run = folder / f"{name}-seed{seed}"
        if name == "adam":
            with tensorboardX.SummaryWriter(str(run)) as writer:
                for epoch, loss in enumerate(losses(name, seed), 1):
                    writer.add_scalar("valid/loss", loss, epoch)
                writer.add_text("notes", "no number")
        else:
            # Scalars as TensorFlow 2 and JAX write them: tensors of the plugin `scalars`.
            writer = EventFileWriter(str(run))
            for epoch, loss in enumerate(losses(name, seed), 1):
                metadata = summary_pb2.SummaryMetadata(
                    plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="scalars"))
                tensor = TensorProto(dtype=1, float_val=[loss]) if seed else TensorProto(
                    dtype=1, tensor_content=struct.pack("<f", loss))
                value = summary_pb2.Summary.Value(tag="valid/loss", metadata=metadata, tensor=tensor)
                writer.add_event(event_pb2.Event(
                    wall_time=1.7e9 + epoch, step=epoch, summary=summary_pb2.Summary(value=[value])))
            writer.close()
        for path in run.iterdir():
            path.rename(run / "events.out.tfevents.1700000000.host")


def mlflow(folder):
    import mlflow

    # Its files have absolute paths and the user's name in them.
    home = pathlib.Path("/tmp/results/mlruns")
    shutil.rmtree(home, ignore_errors=True)
    mlflow.set_tracking_uri(home.as_uri())
    mlflow.set_experiment("optimizers")
    for name, seed, lr in RUNS:
        with mlflow.start_run(run_name=f"{name}-{seed}"):
            mlflow.log_params({"optimizer": name, "lr": lr, "seed": seed})
            for epoch, loss in enumerate(losses(name, seed), 1):
                mlflow.log_metric("valid/loss", loss, step=epoch)
            mlflow.log_metric("accuracy", 0.75 + seed / 64)
    shutil.copytree(home, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tags", "artifacts"))


def wandb(folder):
    import wandb

    with tempfile.TemporaryDirectory() as home:
        for name, seed, lr in RUNS:
            with wandb.init(project="optimizers", name=f"{name}-{seed}", dir=home,
                            config={"optimizer": {"name": name, "lr": lr}, "seed": seed}) as run:
                for epoch, loss in enumerate(losses(name, seed), 1):
                    run.log({"valid": {"loss": loss}, "kind": "text"}, step=epoch)
                run.summary["accuracy"] = 0.75 + seed / 64
        for path in sorted(pathlib.Path(home).glob("wandb/offline-run-*")):
            (folder / path.name).mkdir(parents=True)
            for file in path.glob("run-*.wandb"):
                shutil.copy(file, folder / path.name)


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    for write in (tensorboard, mlflow, wandb):
        folder = target / write.__name__
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write(folder)
