"""The benchmark: the order of timing, the counts, and whether the peers do the same work as ours."""

import json
import re
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
import torch
from torch import nn

import compare_versions
import summarise_speed
import write_speed
from invariance.networks.building import build_model, count_parameters, for_inference
from invariance.plan.reading import load, resolve
from invariance.record.artefacts import InputError, load_array, save_array, write_json
from judging import TRAINED
from recipes import block_of
from running import ROOT, fresh_copy, snakemake
from speed import operations, report, surroundings
from speed.data import settings_of, tiled_digits, validation_digits
from speed.harness import Contender, Task, fastest, measure, median_and_range, ratios, shares, turns
from speed.networks import NETWORKS, VARIANTS
from speed.products import products_of
from speed.worker import prepared

SMALL = 0.002  # the share of the usual number of images that a test runs on


class Clock:
    """A clock that moves only during work."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds


# Timing --------------------------------------------------------------------------------------------------------------


def test_contenders_take_turns_and_the_first_round_is_not_kept():
    clock, calls = Clock(), []

    def contender(name: str, seconds: float) -> Contender:
        def run(_: object) -> None:
            calls.append(name)
            clock.work(seconds * len(calls))

        return Contender(name, run, images=10)

    tasks = [Task("first", [contender("a", 1), contender("b", 2)]), Task("second", [contender("c", 3)])]
    seconds = measure(tasks, 3, clock)
    assert "".join(calls) == "abcbacabcbac"
    assert seconds == {("first", "a"): [5, 7, 11], ("first", "b"): [8, 16, 20], ("second", "c"): [18, 27, 36]}


def test_what_is_prepared_is_not_timed_and_is_fresh_for_every_call():
    clock, prepared = Clock(), []

    def prepare() -> list:
        clock.work(100)
        prepared.append([])
        return prepared[-1]

    def run(mine: list) -> None:
        assert mine == []
        mine.append("used")
        clock.work(5)

    assert fastest(Contender("a", run, images=1, prepare=prepare, repeats=3), clock) == 5
    assert prepared == [["used"]] * 3


def test_the_fastest_of_the_repeats_counts():
    clock, times = Clock(), iter([3, 1, 2])
    assert fastest(Contender("a", lambda _: clock.work(next(times)), images=1, repeats=3), clock) == 1


def test_the_order_is_turned_round_every_second_round():
    task = Task("t", [Contender(name, print, 1) for name in "abc"])
    assert ["".join(one.name for _, one in turns([task], number)) for number in range(3)] == ["abc", "cba", "abc"]


def test_ratios_are_taken_within_a_round():
    # The machine is half as fast in the second round, and the ratio does not see it.
    assert ratios([100, 50], [20, 10]) == [5, 5]
    assert median_and_range([3, 1, 2]) == (2, 1, 3)
    assert shares(work=4, speed=[100, 50], ceiling=[1000, 400]) == [40, 50]


# Counts --------------------------------------------------------------------------------------------------------------


def test_simards_network_takes_what_it_takes_by_hand():
    conv1, conv2, fc1, fc2 = 13 * 13 * 5 * 25, 5 * 5 * 50 * 125, 1250 * 100, 1000
    assert conv1 + conv2 + fc1 + fc2 == 303_375
    network = NETWORKS["simard_cnn"](29)
    assert [layer.multiply_adds for layer in operations.layers(network, 29)] == [conv1, conv2, fc1, fc2]
    assert operations.evaluating(network, 29, 500).flops == 2 * 303_375
    # The images need no gradient, so the first layer passes none on.
    assert operations.training(network, 29, 128).flops == 2 * (3 * 303_375 - conv1)


def test_simards_network_moves_what_it_moves_by_hand():
    network = NETWORKS["simard_cnn"](29)
    outputs, parameters, pixels = 5 * 169 + 50 * 25 + 100 + 10, 132_540, 841
    assert operations.evaluating(network, 29, 500).moved == pixels + 4 * (2 * pixels + 2 * outputs + parameters / 500)
    assert operations.training(network, 29, 128).moved == pixels + 4 * (3 * pixels + 5 * outputs + 8 * parameters / 128)


def test_a_network_behind_a_transformer_passes_gradients_to_its_input():
    needs = [layer.needs_input_gradient for layer in operations.layers(NETWORKS["stn"](40), 40)]
    # Pooling and the first convolution of the localisation see the images; all other layers see features.
    assert needs == [False, False] + [True] * (len(needs) - 2)


def test_grouped_and_full_convolutions_are_counted_apart():
    output = torch.zeros(1, 8, 6, 6)
    assert operations.multiply_adds(nn.Conv2d(8, 8, 3), output) == 8 * 36 * 8 * 9
    assert operations.multiply_adds(nn.Conv2d(8, 8, 3, groups=8), output) == 8 * 36 * 9


def test_the_blur_is_most_of_an_elastic_distortion():
    assert operations.elastic(29).flops == 4 * 2 * 29**3 + (4 + 2 + operations.INTERPOLATION) * 29**2
    assert operations.translation(29) == (0, 2 * 29**2)


# Peers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_the_plain_network_is_ours_weight_for_weight(name):
    settings = settings_of(name)
    canvas = settings["canvas"]
    torch.manual_seed(0)
    ours, plain = build_model(settings["model"], canvas).eval(), NETWORKS[name](canvas).eval()
    assert count_parameters(plain) == count_parameters(ours)
    assert [one.shape for one in plain.parameters()] == [one.shape for one in ours.parameters()]
    with torch.no_grad():
        for mine, theirs in zip(plain.parameters(), ours.parameters(), strict=True):
            mine.copy_(theirs)
        images = torch.from_numpy(tiled_digits(8, canvas)[0]).unsqueeze(1) / 255
        assert torch.allclose(plain(images), ours(images), atol=1e-4)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_the_same_network_written_otherwise(name):
    plain, variant = NETWORKS[name](40).eval(), VARIANTS[name][1](40).eval()
    variant.load_state_dict(plain.state_dict())
    images = torch.rand(4, 1, 40, 40)
    assert torch.allclose(plain(images), variant(images), atol=1e-5)


def test_every_trained_network_of_the_config_has_a_peer():
    assert set(NETWORKS) == set(TRAINED)


def test_images_are_repeated_with_their_labels():
    images, labels = tiled_digits(3000, 29)
    assert images.shape == (3000, 29, 29)
    assert np.array_equal(images[:1563], images[1437:])
    assert np.array_equal(labels[:1563], labels[1437:])
    checks, _ = validation_digits(29)
    assert not (checks[:, None] == images[None, :1437]).all(axis=(2, 3)).any()


def operations_of(product: partial) -> int:
    """Two for each multiplication with its addition."""
    if product.func is torch.mm:
        left, right = product.args
        return 2 * left.shape[0] * left.shape[1] * right.shape[1]
    _, starts, _, slopes, _ = product.args
    return 2 * len(starts) * slopes.size


@pytest.mark.parametrize("model", NETWORKS)
@pytest.mark.parametrize("work", [operations.training, operations.evaluating])
def test_the_products_alone_are_all_operations_of_a_network(model, work):
    settings = settings_of(model)
    network = build_model(settings["model"], settings["canvas"])
    if work is operations.evaluating:
        network = for_inference(network)
    products = products_of(network, settings["canvas"], 8)
    for product in products:
        product()
    expected = 8 * work(NETWORKS[model](settings["canvas"]), settings["canvas"], 8).flops
    assert sum(map(operations_of, products)) == expected


@pytest.fixture(scope="module")
def peers():
    """The modules that import the peers, where these are installed."""
    if not surroundings.has_packages():
        pytest.skip(f"the peers are not installed; {surroundings.SET_UP}")
    surroundings.add_packages()
    from speed import distorting, learning

    threads = torch.get_num_threads()
    surroundings.one_thread()
    yield SimpleNamespace(distorting=distorting, learning=learning)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def test_every_peer_has_simards_displacement_but_for_its_border(peers):
    rms = {name: peers.distorting.rms_displacement(fields(400)) for name, fields in peers.distorting.FIELDS_OF.items()}
    for name in ("ours", "NumPy", "PyTorch", "OpenCV", "scipy", "kornia"):
        assert rms[name] == pytest.approx(1.28, abs=0.04), name
    # A border that is repeated or reflected, instead of zeros, lets the noise in the corners count several times.
    assert rms["torchvision"] == pytest.approx(1.75, abs=0.15)
    assert rms["albumentations"] == pytest.approx(2.04, abs=0.1)


def test_batched_peers_do_what_scipy_does_with_their_fields(peers, monkeypatch):
    module = peers.distorting
    images, _ = tiled_digits(40, module.CANVAS)
    fields = module.our_fields(40)
    monkeypatch.setattr(module, "numpy_fields", lambda generator, count: fields.copy())
    monkeypatch.setattr(module, "torch_fields", lambda generator, count: torch.from_numpy(fields))
    expected = module.reference(images)
    # OpenCV rounds positions to 1/32 pixel, and a pixel can differ from the next by 255 grey levels.
    assert np.abs(module.batched_opencv(images) - expected).max() <= 9
    assert np.abs(module.batched_opencv(images) - expected).mean() < 0.5
    assert np.abs(module.batched_torch(images).numpy() - expected).max() <= 1


def test_ours_is_right_to_one_grey_level(peers):
    images, _ = tiled_digits(200, peers.distorting.CANVAS)
    difference = peers.distorting.agreement(images, 1.0)
    assert difference["largest_difference"] <= 1
    assert difference["mean_difference"] <= 0.02


def test_affine_peers_agree_with_one_another(peers):
    images, _ = tiled_digits(40, peers.distorting.CANVAS)
    difference = np.abs(peers.distorting.opencv_affine(images).astype(float) - peers.distorting.scipy_affine(images))
    assert difference.mean() < 1


def test_every_contender_of_every_loop_runs(peers):
    tasks = [
        *peers.distorting.tasks(SMALL),
        peers.learning.training_task("blur_pool_fc", SMALL),
        peers.learning.distorted_task(SMALL),
        peers.learning.one_by_one_task(SMALL),
        peers.learning.evaluating_task("simard_cnn", SMALL),
    ]
    for task in tasks:
        assert task.contenders[0].name == report.OURS
        for contender in task.contenders:
            assert fastest(contender, Clock()) == 0
    assert {task.name for task in tasks} >= {report.PARTS}


def test_the_plain_loop_learns(peers):
    learning = peers.learning
    settings = settings_of("simard_cnn")
    images, labels = tiled_digits(1437 * 2, 29)
    checks = tuple(validation_digits(29))
    error = learning.plain_epoch(
        learning.plain_model(NETWORKS["simard_cnn"], 29)(),
        learning.floats(images),
        learning.integers(labels),
        (learning.floats(checks[0]), learning.integers(checks[1])),
        {**settings["optimisation"], "batch": 32, "learning_rate": 0.05},
    )
    assert error < 40


# Report --------------------------------------------------------------------------------------------------------------

MACHINE = {
    "processor": "A Processor",
    "instruction_sets": ["avx2"],
    "versions": {"python": "3", "numpy": "2", "torch": "1"},
}


def measured(loop: str, tasks: dict[str, dict[str, float]]) -> dict:
    """What measure_speed.py would write if a call took so many seconds in one round, and twice that in the next."""
    work = {"matrix product": 1e9, "memory copy": 2e9, "cache copy": 4e9}
    rows = [
        {"task": task, "contender": name, "images": 100, "flops": 1e6, "moved": 1e6, "seconds": [one, 2 * one]}
        | ({"work": work[name], "images": 1} if name in work else {})
        | ({"mean_difference": 0.001, "largest_difference": 1.0, "rms": 1.28} if task == "elastic" else {})
        for task, contenders in tasks.items()
        for name, one in (contenders | {"matrix product": 0.1, "memory copy": 0.1, "cache copy": 0.1}).items()
    ]
    return {"loop": loop, "machine": MACHINE, "rows": rows}


def example() -> list[dict]:
    """A small run of all three loops."""
    networks = {"simard_cnn": {"ours": 0.1, report.PLAIN: 0.2, "PyTorch tutorial": 4.0}}
    parts = {"ours": 1.0, "random numbers": 0.25, "fields": 0.75, "warp": 0.25}
    distorting = {"elastic": {"ours": 1.0, "scipy": 20.0}, report.PARTS: parts}
    return [measured("distorting", distorting), measured("training", networks), measured("evaluating", networks)]


def example_rows() -> list[dict]:
    return [row for one in example() for row in report.summary(one)]


def test_the_summary_holds_median_range_and_ratio():
    rows = {(row["loop"], row["task"], row["contender"]): row for row in example_rows()}
    scipy = rows["distorting", "elastic", "scipy"]
    assert (scipy["median"], scipy["lowest"], scipy["highest"]) == (3.75, 2.5, 5)
    assert (scipy["ratio"], scipy["lowest_ratio"], scipy["highest_ratio"]) == (20, 20, 20)
    ours = rows["distorting", "elastic", "ours"]
    assert ours["ratio"] == 1
    # 100 images per second of 1e6 operations each, of 1e10 operations per second.
    assert ours["percent_of_matrix_product"] == pytest.approx(1)
    assert ours["percent_of_cache_copy"] == pytest.approx(0.25)
    ceiling = rows["training", report.CEILING, "memory copy"]
    assert (ceiling["unit"], ceiling["highest"]) == ("GB/s", 20)


def test_the_csv_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "benchmark.csv"
    path.write_text(report.as_csv(example_rows()))
    assert report.as_csv(report.read_csv(path)) == path.read_text()
    path.write_text("loop,task\n")
    with pytest.raises(InputError, match="not the columns of this program"):
        report.read_csv(path)


def test_the_tables_say_what_was_measured():
    text = report.markdown(example_rows(), MACHINE)
    assert "One core of A Processor (avx2); 2 rounds" in text
    assert "| elastic: scipy | 3.75 (2.5 to 5) | 20 (20 to 20) |" in text
    assert "25% goes into random numbers, 50% into the blur and 25% into the warp" in text
    assert "| Simard's CNN | 750 (500 to 1,000) | 375 (250 to 500) | 2 (2 to 2) |" in text
    assert "| Simard's CNN: PyTorch tutorial |" in text


@pytest.mark.parametrize(("value", "text"), [(123456, "123,000"), (99.96, "100"), (1.2345, "1.23"), (0.0456, "0.0456")])
def test_numbers_have_three_significant_digits(value, text):
    assert report.number(value) == text


def test_summarise_writes_everything_and_refuses_two_machines(tmp_path, capsys):
    files = []
    for one in example():
        files.append(tmp_path / f"{one['loop']}.json")
        write_json(files[-1], one)
    with mpl.rc_context():
        summarise_speed.main(measured=files, output=tmp_path / "results")
    names = {path.name for path in (tmp_path / "results").iterdir() if path.is_file()}
    assert names == {"benchmark.csv", "benchmark.md", "benchmark.pdf", "benchmark.png", "machine.json"}
    assert capsys.readouterr().out == (tmp_path / "results/benchmark.md").read_text()
    write_json(files[0], json.loads(files[0].read_text()) | {"machine": {**MACHINE, "processor": "another"}})
    with pytest.raises(InputError, match="measured on different machines"):
        summarise_speed.main(measured=files, output=tmp_path / "results")


def test_the_docs_say_what_the_committed_results_do():
    written = write_speed.tables_block(write_speed.DOCS), write_speed.speed_block(write_speed.DOCS)
    found = block_of(write_speed.DOCS / "speed.md", "benchmark"), block_of(write_speed.README, "speed")
    assert found == written, "run: python benchmarks/write_speed.py --keep"


def test_the_headline_takes_the_fastest_peer():
    ratios = {
        ("distorting", "elastic", "ours"): 1,
        ("distorting", "elastic", "slow"): 30,
        ("distorting", "elastic", "fast"): 3,
        ("distorting", "translation", "fast"): 2,
        ("distorting", report.PARTS, "warp"): 0.4,
        ("training", "mlp", "plain PyTorch"): 1.26,
        ("training", "mlp", "PyTorch tutorial"): 33.4,
        ("evaluating", "mlp", "plain PyTorch"): 0.74,
        ("evaluating", "mlp", "plain PyTorch, batches of 128"): 0.5,
        ("evaluating", "stn", "plain PyTorch"): 2,
    }
    rows = [dict(zip(("loop", "task", "contender"), key, strict=True), ratio=ratio) for key, ratio in ratios.items()]
    assert report.headline(rows) == (
        "On one core, distorting is 2 to 3 times as fast as the fastest peer library; training in batches of 128 is "
        "1.3 to 1.3 times as fast as plain PyTorch, and 33 times as fast as the PyTorch tutorial; evaluating is 0.74 "
        "to 2 times as fast as plain PyTorch."
    )


# Versions ------------------------------------------------------------------------------------------------------------


class Answers:
    """A worker that takes so many seconds for every job, but longer for its first, when it compiles."""

    def __init__(self, seconds: float, order: list) -> None:
        self.seconds, self.order, self.jobs, self.stdin = seconds, order, 0, self
        self.stdout = SimpleNamespace(readline=self.answer)

    def write(self, line: str) -> None:
        self.jobs += 1
        self.order.append(self.seconds)

    def flush(self) -> None:
        pass

    def answer(self) -> str:
        return f"{self.seconds + 100 * (self.jobs == 1)}\n"


def test_versions_take_turns_and_their_first_job_does_not_count():
    order: list[float] = []
    workers = [Answers(6.0, order), Answers(3.0, order)]
    works = [compare_versions.Work("train", "s", "m", training, 40.0, {}) for training in ("a", "b")]
    rows = list(compare_versions.measured(works, workers, rounds=2))
    assert rows == [["train", "s", "m", "a", 4.0, 2.0, 0.5], ["train", "s", "m", "b", 4.0, 2.0, 0.5]]
    assert order == [6.0, 3.0] + 2 * [3.0, 6.0, 6.0, 3.0]
    assert "| all |  | 8.0 | 4.0 | 0.50 |" in compare_versions.table(rows, "HEAD")


def test_the_study_that_versions_are_compared_by_is_that_of_the_config(tmp_path):
    for part in ("train", "test"):
        images, labels = tiled_digits(300, 28)
        save_array(tmp_path / f"{part}-images.npy", images)
        save_array(tmp_path / f"{part}-labels.npy", labels)
    plan = resolve(load([ROOT / "config.yaml"]))["mnist"]
    trained = list(compare_versions.trainings(plan, tmp_path, 128, tmp_path))
    shifted = list(compare_versions.evaluations(plan, tmp_path, 8, tmp_path))
    all_settings = [plan.training_settings(cell.study, cell.model, cell.training) for cell in plan.trained]
    labels = load_array(tmp_path / "train-labels.npy")
    epochs = sum(
        settings["optimisation"]["epochs"] * np.mean([label in settings.get("only", range(10)) for label in labels])
        for settings in all_settings
    )
    assert sum(work.times for work in trained) * 128 == pytest.approx(epochs * plan.data["train_images"])
    at_grids = [work for work in shifted if not work.job["positions"]]
    assert sum(work.times * work.job["shifted"] for work in at_grids) == sum(
        plan.shift_settings(cell.study, cell.model, cell.training)["shift_images"]
        for cell in set(plan.evaluations.values())
    )
    for work in (trained[0], at_grids[0], next(work for work in shifted if work.job["positions"])):
        prepared(work.job)()


def test_a_part_of_a_network_is_trained_alone_where_the_study_does_so(tmp_path, monkeypatch):
    for part in ("images", "labels"):
        save_array(tmp_path / f"train-{part}.npy", tiled_digits(300, 28)[part == "labels"])
    plan = resolve(load([ROOT / "config.yaml"]))["mnist"]
    given = []
    monkeypatch.setattr("invariance.learning.training.train", lambda network, *_: given.append(network))
    works = compare_versions.trainings(plan, tmp_path, 128, tmp_path)
    jobs = {work.training: work.job for work in works if work.model == "stride_fc"}
    after = "low_centred_after_high_centred"
    for training, trained in ((after, 13), (f"{after}_head", 4), (f"{after}_last", 2)):
        prepared(jobs[training])()
        assert sum(weight.requires_grad for weight in given[-1].parameters()) == trained, training


def test_an_unknown_commit_is_one_message(tmp_path):
    with (
        pytest.raises(InputError, match="commit no-such-commit"),
        compare_versions.worktree("no-such-commit", tmp_path),
    ):
        pass


# Set-up --------------------------------------------------------------------------------------------------------------


def test_the_lock_holds_only_what_the_pipeline_lacks_with_hashes_and_no_address():
    text = surroundings.LOCK.read_text()
    pinned = set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))
    pipeline = set(re.findall(r"^([\w.-]+)==", (ROOT / "envs/requirements.lock").read_text(), re.MULTILINE))
    assert {"albumentations", "kornia", "opencv-python-headless"} <= pinned
    assert not pinned & pipeline
    assert text.count("==") <= text.count("--hash=sha256:")
    assert "://" not in text


@pytest.mark.pipeline
def test_missing_peers_are_told_before_anything_is_measured(tmp_path):
    folder = fresh_copy(tmp_path)
    finished = snakemake(folder, "--cores", "1", "benchmark")
    assert finished.returncode == 1
    assert "make benchmark-setup" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (folder / "results").exists()


def test_measure_without_peers_is_one_message(tmp_path):
    folder = fresh_copy(tmp_path)
    command = [sys.executable, folder / "benchmarks/measure_speed.py"]
    command += ["--loop", "training", "--output", tmp_path / "x.json"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert finished.stderr.startswith("error: the benchmark needs its peers")
    assert not (tmp_path / "x.json").exists()
