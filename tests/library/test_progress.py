"""The time left of a run, and what it shows of itself while it goes on."""

import io
import logging
from types import SimpleNamespace

import pytest
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

from invariance.record.progress import ERASE, Progress, show
from invariance.record.time_left import Job, TimeLeft, benchmarked, in_words, makespan, most_alike

COMMAND = 'python scripts/train.py --model \'{"family": "mlp"}\''


def job(rule: str | None, *needs: int, earlier: float | None = None, **wildcards: str) -> Job:
    return Job(rule, frozenset(wildcards.items()), frozenset(needs), earlier)


# The time left --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "needs", "cores", "expected"),
    [
        ({}, {}, 1, 0),
        ({1: 3, 2: 4}, {1: [], 2: []}, 1, 7),
        ({1: 3, 2: 4}, {1: [], 2: []}, 2, 4),
        ({1: 3, 2: 4}, {1: [2], 2: []}, 2, 7),
        ({1: 3, 2: 4}, {1: [9], 2: []}, 2, 4),  # job 9 is done
        ({1: 5, 2: 1, 3: 1, 4: 1}, {1: [], 2: [], 3: [2], 4: [3, 1]}, 2, 6),
    ],
)
def test_the_makespan_respects_cores_and_dependencies(seconds, needs, cores, expected):
    assert makespan(seconds, needs, cores) == expected


def test_jobs_that_share_the_most_wildcards_tell_how_long_one_takes():
    known = {
        frozenset({("model", "cnn"), ("seed", "0")}): 100.0,
        frozenset({("model", "cnn"), ("seed", "1")}): 110.0,
        frozenset({("model", "mlp"), ("seed", "1")}): 10.0,
    }
    assert most_alike(frozenset({("model", "cnn"), ("seed", "2")}), known) == 105
    assert most_alike(frozenset({("model", "mlp"), ("seed", "2")}), known) == 10
    assert most_alike(frozenset({("model", "stn"), ("seed", "2")}), known) == pytest.approx(220 / 3)


def test_the_time_left_is_not_the_share_of_jobs_done():
    quick = {number: job("draw", figure=str(number)) for number in range(10)}
    time_left = TimeLeft({**quick, 10: job("train", seed="0"), 11: job("train", seed="1")}, cores=1)
    assert time_left.left(0.0) == (0.0, {"draw", "train"})
    now = 0.0
    for number, seconds in [*((number, 1.0) for number in range(10)), (10, 600.0)]:
        time_left.start(number, now)
        now += seconds
        time_left.finish(number, now)
    assert time_left.left(now) == (600.0, set())
    time_left.start(11, now)
    assert time_left.left(now + 200) == (400.0, set())
    assert time_left.left(now + 1000) == (0.0, set())  # later than expected
    time_left.stop(11)
    assert time_left.left(now + 1000) == (600.0, set())


def test_an_earlier_run_primes_it_and_this_one_sets_the_pace():
    time_left = TimeLeft({n: job("train", seed=str(n), earlier=10.0) for n in range(4)}, cores=1)
    assert time_left.left(0.0) == (40.0, set())
    time_left.start(0, 0.0)
    time_left.finish(0, 30.0)  # three times as long
    assert time_left.left(30.0) == (90.0, set())


def test_jobs_that_are_not_run_again_prime_it_too():
    time_left = TimeLeft({1: job("train", seed="1"), 2: job(None, 1)}, 1, [job("train", seed="0", earlier=50.0)])
    assert time_left.left(0.0) == (50.0, set())


@pytest.mark.parametrize(
    ("content", "seconds"),
    [("s\th:m:s\tmax_rss\n12.5\t0:00:12\t100\n", 12.5), ("", None), ("s\n", None), ("s\nNA\n", None), ("t\n1\n", None)],
)
def test_a_benchmark_file_is_read_or_left(tmp_path, content, seconds):
    path = tmp_path / "job.tsv"
    path.write_text(content)
    assert benchmarked(path) == seconds


def test_a_job_without_a_benchmark_file_has_no_time(tmp_path):
    assert benchmarked(None) is None
    assert benchmarked(tmp_path / "nothing.tsv") is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (3570, "1 h 0 min"), (5100, "1 h 25 min")]
)
def test_a_time_to_wait_in_words(seconds, words):
    assert in_words(seconds) == words


# What is shown --------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, columns: int, monkeypatch, *, commands: bool = False) -> Progress:
    """The handler on this stream, of a run of two jobs, of which the first has ended after 60 seconds."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    plain = ColorizingTextHandler(nocolor=True, stream=stream, formatter=DefaultFormatter(show_failed_logs=True))
    plain.addFilter(DefaultFilter(None, False, False, False, commands))
    times = iter([0.0, 0.0])
    progress = Progress(plain, bar=True, clock=lambda: next(times, 60.0))
    progress.time_left = TimeLeft({1: job("train", seed="0"), 2: job("train", seed="1")}, cores=1)
    progress.total = 2
    tell(progress, LogEvent.JOB_STARTED, "Execute 1 jobs...", jobs=[1])
    told = {"jobid": 1, "rule_msg": "Training mlp", "output": ["weights"], "shellcmd": COMMAND}
    tell(progress, LogEvent.JOB_INFO, "Rule: train", **told)
    tell(progress, LogEvent.SHELLCMD, f"Shell command: {COMMAND}", shellcmd=COMMAND)
    tell(progress, LogEvent.JOB_FINISHED, "Finished jobid: 1 (Rule: train)", job_id=1)
    tell(progress, LogEvent.PROGRESS, None, done=1, total=2)
    return progress


def tell(progress: Progress, event: LogEvent | None, message: str | None, **fields: object) -> None:
    progress.handle(logging.makeLogRecord({"msg": message, "event": event, "levelno": logging.INFO, **fields}))


def test_without_a_terminal_a_job_is_one_line_with_the_time_left(monkeypatch):
    stream = io.StringIO()
    progress = shown(stream, 80, monkeypatch)
    tell(progress, LogEvent.JOB_INFO, "", jobid=2, rule_msg="Training mlp again", output=["weights"])
    first, second = stream.getvalue().splitlines()
    assert first.endswith("] Training mlp (0 of 2 jobs done, more than 0 s left (not yet timed: train))")
    assert second.endswith("] Training mlp again (1 of 2 jobs done, about 1 min left)")
    assert "\x1b" not in stream.getvalue()


def test_commands_are_shown_on_request_and_on_failure(monkeypatch):
    stream = io.StringIO()
    shown(stream, 80, monkeypatch, commands=True)
    assert f"\nShell command: {COMMAND}\n" in stream.getvalue()
    stream = io.StringIO()
    progress = shown(stream, 80, monkeypatch)
    assert COMMAND not in stream.getvalue()
    failed = {"rule_name": "train", "rule_msg": "", "jobid": 2, "input": [], "output": [], "log": [], "aux": {}}
    tell(progress, LogEvent.JOB_ERROR, "Error", **failed, conda_env=None, shellcmd=COMMAND)
    assert COMMAND in stream.getvalue()


@pytest.mark.parametrize("columns", [100, 40, 12])
def test_a_terminal_has_a_bar_that_fits_below_the_messages(monkeypatch, columns):
    stream = Terminal()
    progress = shown(stream, columns, monkeypatch)
    messages, bar = stream.getvalue().rsplit(ERASE, 1)
    assert "Training mlp\n" in messages
    assert len(bar) < columns
    assert bar == "█" * 15 + "░" * 15 + " 1 of 2 jobs done, about 1 min left" or columns < 80
    assert bar
    progress.close()
    assert stream.getvalue().endswith(ERASE)


def test_a_job_that_writes_to_the_terminal_has_it_for_itself(monkeypatch):
    stream = Terminal()
    progress = shown(stream, 80, monkeypatch)
    tell(progress, LogEvent.JOB_INFO, "", jobid=2, rule_msg="Comparing", output=[])
    assert stream.getvalue().endswith("Comparing\n")


def test_the_screen_is_left_to_snakemake_where_it_was_asked_for():
    plain = ColorizingTextHandler(nocolor=True, stream=io.StringIO(), formatter=DefaultFormatter())
    plain.name = "DefaultStreamHandler"
    logger = SimpleNamespace(handlers=[plain], removeHandler=lambda it: None, addHandler=lambda it: None)
    for verbose, dryrun, taken in [(False, False, True), (True, False, False), (False, True, False)]:
        settings = SimpleNamespace(verbose=verbose, dryrun=dryrun, quiet=None)
        workflow = SimpleNamespace(output_settings=settings, is_main_process=True)
        assert bool(show(workflow, logger)) is taken
    logger.handlers = [logging.NullHandler()]  # of a plugin, as by --logger rich
    assert show(workflow, logger) is None
