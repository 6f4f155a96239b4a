"""A containerd client in Python, behind Laconic's driver protocol.

A plain one: every operation is the calls that somebody would write down first. It keeps no state
and subscribes to nothing; it waits with Tasks/Wait and asks for a status with Tasks/Get.
"""

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty
from github.com.containerd.containerd.api.services.containers.v1 import containers_pb2 as c
from github.com.containerd.containerd.api.services.containers.v1.containers_pb2_grpc import ContainersStub
from github.com.containerd.containerd.api.services.tasks.v1 import tasks_pb2 as t
from github.com.containerd.containerd.api.services.tasks.v1.tasks_pb2_grpc import TasksStub
from github.com.containerd.containerd.api.services.version.v1.version_pb2_grpc import VersionStub

KILL = 9
STATES = ["unknown", "created", "running", "stopped", "paused", "pausing"]
SPEC = "types.containerd.io/opencontainers/runtime-spec/1/"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Refused(Exception):
    """A refusal of this client's own: kind and message. It cost no further RPC."""


def process(args, terminal=False):
    user = {"uid": 0, "gid": 0}
    return {"terminal": terminal, "user": user, "args": args, "env": [PATH], "cwd": "/"}


def payload(kind, value):
    return Any(type_url=SPEC + kind, value=json.dumps(value).encode())


class Client:
    def __init__(self, address, namespace, rootfs):
        channel = grpc.insecure_channel("unix:" + address.removeprefix("unix://"))
        grpc.channel_ready_future(channel).result(timeout=10)
        self.containers = ContainersStub(channel)
        self.tasks = TasksStub(channel)
        self.versions = VersionStub(channel)
        self.namespace = namespace
        self.rootfs = rootfs

    def call(self, method, request):
        return method(request, metadata=[("containerd-namespace", self.namespace)])

    def process(self, container, exec_id=""):
        request = t.GetRequest(container_id=container, exec_id=exec_id)
        return self.call(self.tasks.Get, request).process

    def task_or_none(self, container):
        try:
            return self.status(container)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return None
            raise

    # One method per operation, named as the protocol names it.

    def version(self):
        told = self.call(self.versions.Version, Empty())
        return {"version": told.version, "revision": told.revision}

    def create(self, container, args, terminal=False):
        def mount(at, kind, *options):
            return {"destination": at, "type": kind, "source": kind, "options": list(options)}

        kinds = ["pid", "ipc", "uts", "mount", "network"]
        spec = {
            "ociVersion": "1.0.2",
            "process": process(args, terminal),
            "root": {"path": self.rootfs, "readonly": True},
            "mounts": [
                mount("/proc", "proc"),
                mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
                mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666"),
            ],
            "linux": {"cgroupsPath": f"/laconic/{self.namespace}/{container}",
                      "namespaces": [{"type": kind} for kind in kinds]},
        }
        runtime = c.Container.Runtime(name="io.containerd.runc.v2")
        record = c.Container(id=container, runtime=runtime, spec=payload("Spec", spec))
        self.call(self.containers.Create, c.CreateContainerRequest(container=record))

    def load(self, container):
        self.call(self.containers.Get, c.GetContainerRequest(id=container))
        task = self.task_or_none(container)
        return {"task": task} if task else {}

    def restore(self, containers):
        return {"containers": [{"container": name, **self.load(name)} for name in containers]}

    def create_task(self, container, stdin=False):
        return {"pid": self.call(self.tasks.Create, t.CreateTaskRequest(container_id=container)).pid}

    def start_task(self, container):
        return {"pid": self.call(self.tasks.Start, t.StartRequest(container_id=container)).pid}

    def start(self, container, stdin=False):
        self.create_task(container)
        try:
            return self.start_task(container)
        except grpc.RpcError:
            self.force_delete(container)
            raise

    def exec(self, container, exec, args, stdin=False, terminal=False):
        spec = payload("Process", process(args, terminal))
        names = {"container_id": container, "exec_id": exec}
        self.call(self.tasks.Exec, t.ExecProcessRequest(terminal=terminal, spec=spec, **names))
        try:
            return {"pid": self.call(self.tasks.Start, t.StartRequest(**names)).pid}
        except grpc.RpcError:
            self.delete_exec(container, exec)
            raise

    def wait(self, container, exec=""):
        request = t.WaitRequest(container_id=container, exec_id=exec)
        return exited(self.call(self.tasks.Wait, request))

    exec_wait = wait

    def status(self, container):
        found = self.process(container)
        return {"status": STATES[found.status], "pid": found.pid}

    def exit_status(self, container, exec=""):
        found = self.process(container, exec)
        if STATES[found.status] != "stopped":
            raise Refused("failed-precondition", f"{container} {exec} has not exited")
        return exited(found)

    def kill(self, container, signal, exec="", all=False):
        request = t.KillRequest(container_id=container, exec_id=exec, signal=signal, all=all)
        self.call(self.tasks.Kill, request)

    exec_kill = kill

    def kill_all(self, container, signal):
        self.kill(container, signal, all=True)

    def pause(self, container):
        self.call(self.tasks.Pause, t.PauseTaskRequest(container_id=container))

    def resume(self, container):
        self.call(self.tasks.Resume, t.ResumeTaskRequest(container_id=container))

    def resize(self, container, width, height, exec=""):
        size = {"width": width, "height": height}
        self.call(self.tasks.ResizePty, t.ResizePtyRequest(container_id=container, exec_id=exec, **size))

    exec_resize = resize

    def update(self, container, memory_limit_bytes):
        limits = payload("LinuxResources", {"memory": {"limit": memory_limit_bytes}})
        self.call(self.tasks.Update, t.UpdateTaskRequest(container_id=container, resources=limits))

    def pids(self, container):
        listed = self.call(self.tasks.ListPids, t.ListPidsRequest(container_id=container))
        return {"pids": [process.pid for process in listed.processes]}

    def metrics(self, containers):
        request = t.MetricsRequest(filters=[f"id=={container}" for container in containers])
        return {found.id: found.data for found in self.call(self.tasks.Metrics, request).metrics}

    def stats(self, container):
        data = self.metrics([container]).get(container)
        if data is None:
            raise Refused("not-found", f"no metrics of {container}")
        return {"payload": data.type_url, "bytes": len(data.value)}

    def stats_all(self, containers):
        known = self.metrics(containers)
        return {"found": [container for container in containers if container in known]}

    def delete_task(self, container):
        return exited(self.call(self.tasks.Delete, t.DeleteTaskRequest(container_id=container)))

    def delete_exec(self, container, exec):
        request = t.DeleteProcessRequest(container_id=container, exec_id=exec)
        return exited(self.call(self.tasks.DeleteProcess, request))

    def force_delete(self, container):
        try:
            self.kill(container, KILL)
        except grpc.RpcError as error:
            # What has exited by itself is not there to be killed, and still to be deleted.
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise
        self.wait(container)
        return self.delete_task(container)

    def delete(self, container):
        # Containers/Delete would not look: it orphans a live task.
        if self.task_or_none(container):
            raise Refused("failed-precondition", f"{container} has a task")
        self.call(self.containers.Delete, c.DeleteContainerRequest(id=container))


def exited(reply):
    at = reply.exited_at
    known = {"at_ns": at.seconds * 10**9 + at.nanos} if at.seconds > 0 else {}
    return {"status": reply.exit_status, **known}


def answer(client, operation):
    (name, arguments), = operation.items()
    try:
        result = getattr(client, name.replace("-", "_"))(**arguments)
        return {"ok": {name: result or {}}}
    except Refused as refused:
        kind, message = refused.args
        return {"error": {"kind": kind, "message": message}}
    except grpc.RpcError as error:
        code = error.code().name.lower().replace("_", "-")
        return {"error": {"kind": code, "code": code, "message": error.details()}}


def main():
    lock = threading.Lock()

    def say(line):
        with lock:
            print(json.dumps(line), flush=True)

    def serve(request):
        say({"id": request["id"], "outcome": answer(client, request["operation"])})

    json.loads(sys.stdin.readline())
    capabilities = ["exec", "pause", "restore"]
    hello = {"driver": "python", "version": grpc.__version__, "capabilities": capabilities}
    say({"protocol": 1, "hello": hello})
    address, namespace = os.environ["CONTAINERD_ADDRESS"], os.environ["CONTAINERD_NAMESPACE"]
    client = Client(address, namespace, os.environ["LACONIC_ROOTFS"])
    say({"ready": {}})
    with ThreadPoolExecutor(max_workers=64) as pool:
        for line in sys.stdin:
            line = json.loads(line)
            if "bye" in line:
                return
            if "operation" in line:
                pool.submit(serve, line)


main()
