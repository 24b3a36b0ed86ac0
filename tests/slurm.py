"""A Slurm of this machine's own for the tests: a controller and nodes of one core each, on the loopback interface.

It runs in the foreground, in a folder that goes away with it, and not as a service of the system. Only its
configuration has to lie in /etc/slurm: what a job starts finds it nowhere else.
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

CONFIGURATION = Path("/etc/slurm/slurm.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue")
PATIENCE = 60  # seconds
PORT = 17_000
TEXT = """\
# Made by tests/slurm.py for one run of the tests, which removes it again.
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SlurmdTimeout=15
ReturnToService=2
OverTimeLimit=0
KillWait=2
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/%n
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
{nodes}
PartitionName=all Nodes=ALL Default=YES PriorityTier=1
PartitionName=urgent Nodes=ALL PriorityTier=2 PreemptMode=OFF
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory={memory}"


def why_not() -> str:
    """Why no Slurm can be started here; empty if one can."""
    if os.geteuid():
        return "starting a Slurm takes root"
    if missing := [program for program in PROGRAMS if shutil.which(program, path=SEARCHED) is None]:
        return f"no {', '.join(missing)}: apt-get install -y --no-install-recommends slurm-wlm munge"
    if CONFIGURATION.exists() and not CONFIGURATION.read_text().startswith(TEXT.splitlines()[0]):
        return f"this machine has a Slurm of its own: {CONFIGURATION}"
    return ""


SEARCHED = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


class Slurm:
    """A controller and its nodes, from `start` to `stop`."""

    def __init__(self, folder: Path, nodes: int = 2, memory: int = 4000) -> None:
        """Args: folder, empty, for all that they write; how many nodes; the memory of each, in MB."""
        self.folder, self.memory = folder, memory
        self.host = socket.gethostname().split(".")[0]
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.processes: dict[str, subprocess.Popen] = {}

    def start(self) -> "Slurm":
        """Start all; returns once the nodes take jobs."""
        self.folder.chmod(0o755)
        (self.folder / "state").mkdir()
        CONFIGURATION.parent.mkdir(exist_ok=True)
        CONFIGURATION.write_text(self.configuration())
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        socket_file = self.folder / "munge.socket"
        files = {"key": key, "socket": socket_file, "pid": "munged.pid", "log": "munged.log", "seed": "munged.seed"}
        options = {f"{name}-file" if name != "socket" else name: self.folder / file for name, file in files.items()}
        self.run("munged", "--foreground", "--force", *(f"--{name}={value}" for name, value in options.items()))
        until(socket_file.exists, "munged makes its socket")
        self.start_controller()
        for name in self.nodes:
            self.start_node(name)
        until(lambda: self.states() == dict.fromkeys(self.nodes, "idle"), "the nodes are idle", self.states)
        return self

    def configuration(self) -> str:
        nodes = "\n".join(
            NODE.format(name=name, host=self.host, port=PORT + place, memory=self.memory)
            for place, name in enumerate(self.nodes, 1)
        )
        return TEXT.format(host=self.host, port=PORT, folder=self.folder, nodes=nodes)

    def start_controller(self) -> None:
        self.run("slurmctld", "-D")

    def start_node(self, name: str, seen: Path | None = None, instead: Path | None = None) -> None:
        """A node has one processor of the machine for itself: what its jobs start sees no other.

        Args: its name; a folder in whose place the node, and nobody else, sees another one; that other one.
        """
        processor = self.nodes.index(name) % os.cpu_count()
        command = ["taskset", "-c", str(processor), "slurmd", "-D", "-N", name]
        if seen:
            mounted = f"mount --bind {shlex.quote(str(instead))} {shlex.quote(str(seen))}"
            command = ["unshare", "--mount", "sh", "-c", f"{mounted} && exec {shlex.join(command)}"]
        self.run(name, *command[1:], program=command[0])

    def run(self, name: str, *arguments: str, program: str | None = None) -> None:
        with (self.folder / f"{name}.out").open("a") as output:
            self.processes[name] = subprocess.Popen(
                [program or name, *arguments],
                env={"PATH": SEARCHED},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """End the controller ("slurmctld") or a node, as a power cut would, but for the jobs that run there."""
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait()

    def states(self) -> dict[str, str]:
        """The state of each node, such as idle or allocated."""
        return dict(line.split() for line in self.ask("sinfo", "-h", "-N", "-p", "all", "-o", "%N %T").splitlines())

    def jobs(self) -> dict[str, str]:
        """The state of each job that is waiting or running, by its number."""
        return dict(line.split() for line in self.ask("squeue", "-h", "-o", "%i %T").splitlines())

    def ask(self, *command: str) -> str:
        """What a command of Slurm's answers; empty while the controller does not answer."""
        return subprocess.run(command, capture_output=True, text=True, env={"PATH": SEARCHED}).stdout

    def stop(self) -> None:
        """End all jobs, then all of Slurm."""
        if "slurmctld" in self.processes:
            self.ask("scancel", "--user=root")
            until(lambda: not self.jobs(), "the jobs have ended", self.jobs)
        for name in reversed([*self.processes]):
            self.kill(name, signal.SIGTERM)
        CONFIGURATION.unlink(missing_ok=True)


def until(
    condition: Callable[[], bool], what: str, shown: Callable[[], object] = str, patience: float = PATIENCE
) -> None:
    """Wait until a condition holds; raises TimeoutError that says what was waited for."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {patience:.0f} s until {what}: {shown()}")
        time.sleep(0.2)
