// Command ovsdb measures what package ovsdb costs on a bridge of many
// interfaces: the first sync, the time from a commit to the callback, CPU and
// memory. The ovsdb-server is real; ovs-vswitchd is not running, so that only
// the changes made here happen. It prints a JSON line a figure, and needs root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ringfence/ringfence/internal/lines"
)

const bridge = "br-int"

func main() {
	n := flag.Int("n", 2000, "interfaces on the bridge")
	changes := flag.Int("changes", 200, "how many changes of each kind to measure")
	name := flag.String("name", "ovsdb", "what to call the client in the output")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *name, *n, *changes); err != nil {
		fmt.Fprintln(os.Stderr, "bench/ovsdb:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name string, n, changes int) (err error) {
	out, err := lines.Begin(ctx, os.Stdout, lines.Command("cmd/bench/ovsdb"), lines.Members{"bench": "ovsdb", "client": name, "interfaces": n})
	if err != nil {
		return err
	}
	db, err := startDatabase(ctx, n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	debug.FreeOSMemory()
	rss, err := resident()
	if err != nil {
		return err
	}
	cpu := processorTime()
	began := time.Now()
	w, err := startWatcher(ctx, db.ovs.DBAddr(), n)
	if err != nil {
		return err
	}
	defer w.close()
	if err := out.Figure("first_sync", time.Since(began).Seconds(), "s", lines.Members{"cpu_s": (processorTime() - cpu).Seconds()}); err != nil {
		return err
	}
	for _, kind := range []struct {
		name   string
		change func(i int) (func(*watcher) bool, error)
	}{
		{"interface_change", db.rename},
		{"port_change", db.plug},
	} {
		var waits []float64
		cpu := processorTime()
		for i := range changes {
			began := time.Now()
			done, err := kind.change(i)
			if err != nil {
				return err
			}
			if err := w.await(ctx, done); err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			waits = append(waits, time.Since(began).Seconds())
			time.Sleep(2 * time.Millisecond) // let what follows the callback end: it counts as CPU
		}
		spent := (processorTime() - cpu) / time.Duration(changes)
		if err := out.Median(kind.name, waits, "s", lines.Members{"cpu_s": spent.Seconds()}); err != nil {
			return err
		}
	}
	after, err := resident()
	if err != nil {
		return err
	}
	return out.Figure("rss", after, "MB", lines.Members{"more": after - rss}) // more than before the sync
}

// processorTime is what this process has used so far, getrusage(2).
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it has no reason to
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is this process's VmRSS in MB of 2^20 bytes, proc(5).
func resident() (float64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			kb, err := strconv.ParseFloat(fields[1], 64)
			return kb / 1024, err
		}
	}
	return 0, errors.New("/proc/self/status has no VmRSS")
}
