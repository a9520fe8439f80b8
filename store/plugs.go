package store

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// PlugHandler is told where NICs are plugged by FollowPlugs, which calls its
// methods from one goroutine.
type PlugHandler interface {
	// All is told of all plugs there are, at first and whenever it is not known
	// what came in between.
	All(plugs []Plug)
	// Changed is told of plugs that are there, or that differ, and of those that
	// are gone, which have a host and a NIC only.
	Changed(set, gone []Plug)
}

// FollowPlugs tells h of all hosts' plugs, over any loss of etcd, until ctx ends
// or the store is closed. It is an ErrMayNotAsk where this user may not read them.
func (s *Store) FollowPlugs(ctx context.Context, h PlugHandler) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.link.Ctx, cancel)()
	f := &link.Feed{Config: s.link.Config, Route: s.link.Route, Prefix: s.link.Keys.Plugs(), Probe: s.link.Keys.Head(), Sink: &plugSink{s, h}, Health: link.NewHealth()}
	err := f.Run(ctx)
	var stop link.StopError
	switch {
	case errors.As(err, &stop):
		return &OpError{Op: "follow plugs", Kind: ErrMayNotAsk, Err: stop.Err}
	case s.link.Ctx.Err() != nil:
		return &OpError{Op: "follow plugs", Kind: ErrClosed}
	}
	return err
}

// plugSink hands on what a feed brings. A plug that cannot be read, of a newer
// host say, counts as none.
type plugSink struct {
	store   *Store
	handler PlugHandler
}

func (p *plugSink) Load(pages func(func(*mvccpb.KeyValue) error) error) error {
	var all []Plug
	err := pages(func(kv *mvccpb.KeyValue) error {
		if plug, ok := p.decode(kv); ok {
			all = append(all, plug)
		}
		return nil
	})
	if errors.Is(err, rpctypes.ErrPermissionDenied) {
		return link.StopError{Err: err}
	}
	if err == nil {
		p.handler.All(all)
	}
	return err
}

func (p *plugSink) Events(_ int64, events []*clientv3.Event) error {
	var set, gone []Plug
	for _, e := range events {
		plug, ok := p.decode(e.Kv)
		switch {
		case ok && e.Type == clientv3.EventTypePut:
			set = append(set, plug)
		case ok:
			gone = append(gone, plug)
		}
	}
	p.handler.Changed(set, gone)
	return nil
}

// decode returns false for a key that is no plug, and logs why.
func (p *plugSink) decode(kv *mvccpb.KeyValue) (Plug, bool) {
	plug, err := p.store.link.Keys.DecodePlug(kv)
	if err != nil {
		p.store.link.Config.Logger.Warn("plug ignored", "error", err)
	}
	return plug, err == nil
}

// A list tells of all plugs anyway, so there is nothing to forget or to doubt, and the
// policy's head, which probes ask for, says nothing of plugs.

func (p *plugSink) Forget()                      {}
func (p *plugSink) Doubt()                       {}
func (p *plugSink) Behind(*mvccpb.KeyValue) bool { return false }

// Plugged returns the NICs that are plugged at a host, by its last report, none if
// there is no report. It reads the store itself, and not a copy that is kept up to
// date: it is for who asks seldom and has no other use for reports. It is an
// ErrMayNotAsk where only the host itself may read its report.
func (s *Store) Plugged(ctx context.Context, host string) ([]HostNIC, error) {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	r, err := s.link.Client.Get(ctx, s.link.Keys.Host(host))
	switch {
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		return nil, &OpError{Op: "read host", Kind: ErrMayNotAsk, Err: err}
	case err != nil:
		return nil, s.link.Failed("read host", err)
	case len(r.Kvs) == 0:
		return nil, nil
	}
	h, err := record.DecodeHost(host, r.Kvs[0].Value)
	if err != nil {
		return nil, &OpError{Op: "read host", Err: err}
	}
	return h.NICs, nil
}
