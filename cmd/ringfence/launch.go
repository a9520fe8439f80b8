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

	"github.com/alecthomas/kong"
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

// reload reads the settings again at each hangup. If check has nothing against
// them, those that live has a function for are taken up; of all others that have
// changed the log says that they take a restart. It ends with ctx.
func (l *launch) reload(ctx context.Context, hangups <-chan os.Signal, log *slog.Logger, check func(*cli) error, live map[string]func(next *cli)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		}
		var next cli
		parser, _ := newParser(&next, stdio{nil, io.Discard, io.Discard})
		kctx, err := parser.Parse(l.args)
		if err == nil {
			err = check(&next)
		}
		if err != nil {
			log.Error("not reloaded: the settings have a fault, everything stays as it was", "error", err)
			continue
		}
		l.takeUp(log, &next, flagValues(kctx), live)
	}
}

// takeUp makes of the settings in force those that are wanted, where it can.
func (l *launch) takeUp(log *slog.Logger, next *cli, wanted map[string]any, live map[string]func(next *cli)) {
	var taken []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if reflect.DeepEqual(l.flags[name], wanted[name]) {
			continue
		}
		apply, ok := live[name]
		if !ok {
			log.Warn("a setting has changed and takes a restart", "setting", name, "in_force", l.flags[name], "wanted", wanted[name])
			continue
		}
		apply(next)
		l.flags[name] = wanted[name]
		taken = append(taken, name)
	}
	log.Info("settings reloaded", "changed", strings.Join(taken, ","))
}
