// A client on containerd's own Go client, behind Laconic's driver protocol: handles are kept as its
// documentation shows, and each operation is the one method that the library has for it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"github.com/containerd/containerd"
	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/errdefs"
	"github.com/containerd/containerd/version"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/status"
)

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

type arguments struct {
	Container        string
	Containers       []string
	Exec             string
	Args             []string
	Stdin, Terminal  bool
	Input            string
	Output           bool
	Archive, Image   string
	Sync             bool
	Signal           uint32
	Width, Height    uint32
	MemoryLimitBytes int64 `json:"memory_limit_bytes"`
}

type request struct {
	ID        uint64 `json:"id"`
	Operation map[string]arguments
	Bye       *struct{}
}

var errOther = errors.New("an operation of a process, not of a task")

type object = map[string]interface{}

// A process, the writing end of its standard input while that is open, and what it writes.
type process struct {
	containerd.Process
	stdin io.WriteCloser
	out   *gathered
}

type driver struct {
	client    *containerd.Client
	namespace string
	rootfs    string

	mu         sync.Mutex
	containers map[string]containerd.Container
	processes  map[string]process // by container/exec; a task's own by container/
	images     map[string]containerd.Image
	terminals  map[string]bool // of containers
}

func key(a arguments) string { return a.Container + "/" + a.Exec }

// What is held under a name.
func held[T any](d *driver, handles map[string]T, name string) (T, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	handle, ok := handles[name]
	if !ok {
		return handle, fmt.Errorf("no handle of %s: %w", name, errdefs.ErrNotFound)
	}
	return handle, nil
}

func keep[T any](d *driver, handles map[string]T, name string, handle T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	handles[name] = handle
}

// A task is its own init process.
func (d *driver) task(a arguments) (containerd.Task, error) {
	p, err := held(d, d.processes, a.Container+"/")
	if err != nil {
		return nil, err
	}
	return p.Process.(containerd.Task), nil
}

func (d *driver) spec(a arguments) *specs.Spec {
	mount := func(at, kind string, options ...string) specs.Mount {
		return specs.Mount{Destination: at, Type: kind, Source: kind, Options: options}
	}
	return &specs.Spec{
		Version: "1.0.2",
		Process: processSpec(a),
		Root:    &specs.Root{Path: d.rootfs, Readonly: true},
		Mounts: []specs.Mount{
			mount("/proc", "proc"),
			mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
			mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666"),
		},
		Linux: &specs.Linux{
			CgroupsPath: "/laconic/" + d.namespace + "/" + a.Container,
			Namespaces: []specs.LinuxNamespace{
				{Type: "pid"}, {Type: "ipc"}, {Type: "uts"}, {Type: "mount"}, {Type: "network"},
			},
		},
	}
}

func processSpec(a arguments) *specs.Process {
	return &specs.Process{Args: a.Args, Cwd: "/", Env: []string{path}, Terminal: a.Terminal}
}

var deleteOptions = map[string][]containerd.ProcessDeleteOpts{"force-delete": {containerd.WithProcessKill}}

func (d *driver) createTask(ctx context.Context, a arguments) (interface{}, error) {
	c, err := held(d, d.containers, a.Container)
	if err != nil {
		return nil, err
	}
	a.Terminal = d.terminals[a.Container]
	creator, stdin, out := streams(a)
	t, err := c.NewTask(ctx, creator)
	if err != nil {
		return nil, err
	}
	keep(d, d.processes, key(a), process{t, stdin, out})
	return object{"pid": t.Pid()}, nil
}

func (d *driver) start(ctx context.Context, a arguments) (interface{}, error) {
	started, err := d.createTask(ctx, a)
	if err != nil {
		return nil, err
	}
	t, err := d.task(a)
	if err == nil {
		err = t.Start(ctx)
	}
	if err != nil {
		t.Delete(ctx, containerd.WithProcessKill)
		return nil, err
	}
	if p, err := held(d, d.processes, key(a)); err == nil {
		give(p.stdin, a)
	}
	return started, nil
}

func (d *driver) exec(ctx context.Context, a arguments) (interface{}, error) {
	t, err := d.task(a)
	if err != nil {
		return nil, err
	}
	creator, stdin, out := streams(a)
	p, err := t.Exec(ctx, a.Exec, processSpec(a), creator)
	if err != nil {
		return nil, err
	}
	if err := p.Start(ctx); err != nil {
		p.Delete(ctx)
		return nil, err
	}
	keep(d, d.processes, key(a), process{p, stdin, out})
	give(stdin, a)
	return object{"pid": p.Pid()}, nil
}

func exited(ended containerd.ExitStatus) (object, error) {
	result := object{"status": ended.ExitCode()}
	if at := ended.ExitTime(); at.Unix() > 0 {
		result["at_ns"] = at.UnixNano()
	}
	return result, ended.Error()
}

func state(ctx context.Context, t containerd.Task) (object, error) {
	now, err := t.Status(ctx)
	return object{"status": string(now.Status), "pid": t.Pid()}, err
}

// Handles of a container and its task; the task's state, where there is one.
func (d *driver) load(ctx context.Context, id string) (object, error) {
	c, err := d.client.LoadContainer(ctx, id)
	if err != nil {
		return nil, err
	}
	keep(d, d.containers, id, c)
	t, err := c.Task(ctx, nil)
	if errdefs.IsNotFound(err) {
		return object{}, nil
	}
	if err != nil {
		return nil, err
	}
	keep(d, d.processes, id+"/", process{Process: t})
	status, err := state(ctx, t)
	return object{"task": status}, err
}

func (d *driver) restore(ctx context.Context, a arguments) (interface{}, error) {
	found := []object{}
	for _, id := range a.Containers {
		one, err := d.load(ctx, id)
		if err == nil {
			one["container"] = id
			found = append(found, one)
		} else if !errdefs.IsNotFound(err) {
			return nil, err
		}
	}
	return object{"containers": found}, nil
}

func (d *driver) statsAll(ctx context.Context, a arguments) (interface{}, error) {
	filters := []string{}
	for _, id := range a.Containers {
		filters = append(filters, "id=="+id)
	}
	reply, err := d.client.TaskService().Metrics(ctx, &tasks.MetricsRequest{Filters: filters})
	if err != nil {
		return nil, errdefs.FromGRPC(err)
	}
	found := []string{}
	for _, metric := range reply.Metrics {
		found = append(found, metric.ID)
	}
	return object{"found": found}, nil
}

func (d *driver) perform(ctx context.Context, name string, a arguments) (interface{}, error) {
	switch name {
	case "version":
		v, err := d.client.Version(ctx)
		return object{"version": v.Version, "revision": v.Revision}, err
	case "create":
		runtime := containerd.WithRuntime("io.containerd.runc.v2", nil)
		c, err := d.client.NewContainer(ctx, a.Container, runtime, containerd.WithSpec(d.spec(a)))
		if err == nil {
			keep(d, d.containers, a.Container, c)
			keep(d, d.terminals, a.Container, a.Terminal)
		}
		return object{}, err
	case "load":
		return d.load(ctx, a.Container)
	case "restore":
		return d.restore(ctx, a)
	case "create-task":
		return d.createTask(ctx, a)
	case "start":
		return d.start(ctx, a)
	case "exec":
		return d.exec(ctx, a)
	case "stats-all":
		return d.statsAll(ctx, a)
	case "delete":
		c, err := held(d, d.containers, a.Container)
		if err != nil {
			return nil, err
		}
		return object{}, c.Delete(ctx)
	case "import", "images", "image", "unpack", "create-from-image", "delete-with-snapshot", "remove-image":
		return d.performImage(ctx, name, a)
	}
	p, err := held(d, d.processes, key(a))
	if err != nil {
		return nil, err
	}
	if t, ok := p.Process.(containerd.Task); ok {
		if result, err := d.performTask(ctx, name, a, t); !errors.Is(err, errOther) {
			return result, err
		}
	}
	return d.performProcess(ctx, name, a, p)
}

func (d *driver) performTask(ctx context.Context, name string, a arguments, t containerd.Task) (interface{}, error) {
	switch name {
	case "start-task":
		return object{"pid": t.Pid()}, t.Start(ctx)
	case "status":
		return state(ctx, t)
	case "pause":
		return object{}, t.Pause(ctx)
	case "resume":
		return object{}, t.Resume(ctx)
	case "update":
		limits := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &a.MemoryLimitBytes}}
		return object{}, t.Update(ctx, containerd.WithResources(limits))
	case "pids":
		listed, err := t.Pids(ctx)
		pids := []uint32{}
		for _, info := range listed {
			pids = append(pids, info.Pid)
		}
		return object{"pids": pids}, err
	case "stats":
		metric, err := t.Metrics(ctx)
		if err != nil {
			return nil, err
		}
		return object{"payload": metric.Data.TypeUrl, "bytes": len(metric.Data.Value)}, nil
	}
	return nil, errOther
}

func (d *driver) performProcess(ctx context.Context, name string, a arguments, p process) (interface{}, error) {
	switch name {
	case "wait", "exec-wait":
		ended, err := p.Wait(ctx)
		if err != nil {
			return nil, err
		}
		result, err := exited(<-ended)
		if err == nil && p.out != nil {
			p.out.tell(result, p.IO())
		}
		return result, err
	case "exit-status":
		status, err := p.Status(ctx)
		if err == nil && status.Status != containerd.Stopped {
			err = fmt.Errorf("%s has not exited: %w", key(a), errdefs.ErrFailedPrecondition)
		}
		return object{"status": status.ExitStatus}, err
	case "kill", "exec-kill":
		return object{}, p.Kill(ctx, syscall.Signal(a.Signal))
	case "kill-all":
		return object{}, p.Kill(ctx, syscall.Signal(a.Signal), containerd.WithKillAll)
	case "resize", "exec-resize":
		return object{}, p.Resize(ctx, a.Width, a.Height)
	case "close-stdin", "exec-close-stdin":
		if p.stdin != nil {
			p.stdin.Close()
		}
		return object{}, p.CloseIO(ctx, containerd.WithStdinCloser)
	}
	ended, err := p.Delete(ctx, deleteOptions[name]...)
	if err != nil {
		return nil, err
	}
	return exited(*ended)
}

var humps = regexp.MustCompile("([a-z])([A-Z])")

// The gRPC code of an error, as the protocol words it: NotFound is not-found.
func kind(err error) string {
	code := status.Code(errdefs.ToGRPC(err)).String()
	return strings.ToLower(humps.ReplaceAllString(code, "$1-$2"))
}

func (d *driver) answer(ctx context.Context, r request) object {
	for name, a := range r.Operation {
		result, err := d.perform(ctx, name, a)
		if err != nil {
			return object{"error": object{"kind": kind(err), "message": err.Error()}}
		}
		return object{"ok": object{name: result}}
	}
	return object{"error": object{"kind": "invalid-argument", "message": "no operation"}}
}

// Where it is asked for, what has been allocated so far stands in a file before each answer: pieces
// and bytes.
func tellAllocations() {
	path := os.Getenv("LACONIC_ALLOCATIONS")
	if path == "" {
		return
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	told := fmt.Sprintf("%d %d\n", memory.Mallocs, memory.TotalAlloc)
	if err := os.WriteFile(path, []byte(told), 0o600); err != nil {
		log.Fatal(err)
	}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	say := func(line object) {
		mu.Lock()
		defer mu.Unlock()
		tellAllocations()
		out.Encode(line)
	}
	lines.Scan()
	can := []string{"exec", "pause", "restore", "io", "images"}
	hello := object{"driver": "go", "version": version.Version, "capabilities": can}
	say(object{"protocol": 1, "hello": hello})
	address, namespace := os.Getenv("CONTAINERD_ADDRESS"), os.Getenv("CONTAINERD_NAMESPACE")
	client, err := containerd.New(address, containerd.WithDefaultNamespace(namespace))
	if err != nil {
		log.Fatal(err)
	}
	d := &driver{
		client: client, namespace: namespace, rootfs: os.Getenv("LACONIC_ROOTFS"),
		containers: map[string]containerd.Container{},
		processes:  map[string]process{},
		images:     map[string]containerd.Image{},
		terminals:  map[string]bool{},
	}
	say(object{"ready": object{}})
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil || r.Bye != nil {
			return
		}
		if r.Operation != nil {
			go func() { say(object{"id": r.ID, "outcome": d.answer(context.Background(), r)}) }()
		}
	}
}
