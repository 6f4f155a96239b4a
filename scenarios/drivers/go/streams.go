package main

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"sync"
	"time"

	"github.com/containerd/containerd/cio"
)

// How long output may go on once the process has exited: a child of it may hold it for ever.
const grace = 2 * time.Second

// What a process has written, by its number of bytes and its sum.
type gathered struct {
	mu    sync.Mutex
	bytes uint64
	sum   hash.Hash
}

func (g *gathered) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bytes += uint64(len(b))
	return g.sum.Write(b)
}

// Adds what was written to the answer to a wait, once it has come to its end or its time is up.
func (g *gathered) tell(result object, streams cio.IO) {
	ended := make(chan struct{})
	go func() {
		streams.Wait()
		close(ended)
	}()
	result["output"] = "complete"
	select {
	case <-ended:
	case <-time.After(grace):
		result["output"] = "cut-off"
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	result["stdout"] = object{"bytes": g.bytes, "sha256": hex.EncodeToString(g.sum.Sum(nil))}
}

// Standard streams: none, or an input that stays open, and output that is gathered or dropped.
func streams(a arguments) (cio.Creator, io.WriteCloser, *gathered) {
	if !a.Stdin && !a.Output && !a.Terminal {
		return cio.NullIO, nil, nil
	}
	var in io.Reader
	var stdin io.WriteCloser
	if a.Stdin || a.Terminal {
		in, stdin = io.Pipe()
	}
	var out io.Writer = io.Discard
	var told *gathered
	if a.Output {
		told = &gathered{sum: sha256.New()}
		out = told
	}
	options := []cio.Opt{cio.WithStreams(in, out, io.Discard), cio.WithFIFODir(os.TempDir())}
	if a.Terminal {
		options = append(options, cio.WithTerminal)
	}
	return cio.NewCreator(options...), stdin, told
}

// Writes the input of a process that has been started; it may be read later, or never.
func give(stdin io.WriteCloser, a arguments) {
	if stdin != nil && a.Input != "" {
		go stdin.Write([]byte(a.Input))
	}
}
