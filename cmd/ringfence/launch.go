package main

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/filestamp"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/service"
)

// launch is how a server was started: its command line, by which its settings
// are read again, and what of them is in force.
type launch struct {
	args  []string
	flags map[string]any // by name, those of the command
}

func newLaunch(args []string, kctx *kong.Context) *launch {
	return &launch{args, flagValues(kctx)}
}

func flagValues(kctx *kong.Context) map[string]any {
	out := map[string]any{}
	if n := kctx.Selected(); n != nil {
		for _, f := range n.Flags {
			out[f.Name] = f.Target.Interface()
		}
	}
	return out
}

// hangups has SIGHUP no longer end the process.
func hangups() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c
}

// reloader has a running server take up its settings anew.
type reloader struct {
	launch  *launch
	log     *slog.Logger
	manager *service.Manager
	check   func(*cli) error           // what is wrong with the settings
	live    map[string]func(next *cli) // by the flag's name, what can be taken up
	always  func()                     // each time
}

// fileLook is how often the file of settings is looked at.
const fileLook = time.Second

// run reads the settings again at each hangup, and when their file has changed
// (no file is ""), until ctx ends. If there is nothing against them, those that
// can be are taken up; of all others that have changed the log says that they
// take a restart.
func (r *reloader) run(ctx context.Context, file string, hangups <-chan os.Signal) {
	tick := time.NewTicker(fileLook)
	defer tick.Stop()
	settings := filestamp.Watched{Path: file}
	settings.Take()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			settings.Take()
		case <-tick.C:
			if !settings.Changed(false) {
				continue
			}
		}
		r.manager.Reloading()
		r.always()
		r.reload()
		r.manager.Reloaded()
	}
}

func (r *reloader) reload() {
	var next cli
	parser, _ := newParser(&next, output.Stdio{Out: io.Discard, Err: io.Discard})
	kctx, err := parser.Parse(r.launch.args)
	if err == nil {
		err = r.check(&next)
	}
	if err != nil {
		r.log.Error("not reloaded: the settings have a fault, everything stays as it was", "error", err)
		return
	}
	wanted := flagValues(kctx)
	var taken []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if reflect.DeepEqual(r.launch.flags[name], wanted[name]) {
			continue
		}
		apply, ok := r.live[name]
		if !ok {
			r.log.Warn("a setting has changed and takes a restart", "setting", name, "in_force", r.launch.flags[name], "wanted", wanted[name])
			continue
		}
		apply(&next)
		r.launch.flags[name] = wanted[name]
		taken = append(taken, name)
	}
	r.log.Info("settings reloaded", "changed", strings.Join(taken, ","))
}
