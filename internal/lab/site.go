package lab

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/ringfence/ringfence/internal/netns"
	"github.com/ringfence/ringfence/internal/ovsproc"
)

func newSite(ctx context.Context, dir, name string) (*site, error) {
	ns, err := netns.New(name)
	if err != nil {
		return nil, err
	}
	proc, err := ovsproc.Start(ctx, ovsproc.Config{Dir: filepath.Join(dir, name), Netns: ns.Path(), System: Datapath() == KernelDatapath})
	if err != nil {
		return nil, errors.Join(err, ns.Close())
	}
	return &site{Proc: proc, name: name, ns: ns}, nil
}

func (s *site) close() error { return errors.Join(s.Stop(), s.ns.Close()) }
