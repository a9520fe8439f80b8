package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// Evidence writes what every switch holds at this moment into files of a
// directory: cached megaflows, connections, flows and coverage counters. It is
// for looking at after a surprise.
func (l *Lab) Evidence(ctx context.Context, dir string) error {
	var failed error
	for _, h := range l.hosts {
		for _, look := range []struct {
			file string
			run  func(context.Context, ...string) (string, error)
			args []string
		}{
			{"megaflows", h.Appctl, []string{"dpctl/dump-flows", "-m"}},
			{"connections", h.Appctl, []string{"dpctl/dump-conntrack", "-m", "-s"}},
			{"flows", h.Ofctl, []string{"--names", "--sort", "dump-flows", Bridge}},
			{"coverage", h.Appctl, []string{"coverage/show"}},
		} {
			out, err := look.run(ctx, look.args...)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, h.Name()+"."+look.file), []byte(out), 0o600)
			}
			failed = errors.Join(failed, err)
		}
	}
	return failed
}
