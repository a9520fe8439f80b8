package controller

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// detour forwards connections to an address, and can be cut.
type detour struct {
	t      *testing.T
	from   string
	to     string
	listen net.Listener

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	shut  bool
	work  sync.WaitGroup
}

func newDetour(t *testing.T, to string) *detour {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "way")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &detour{t: t, from: filepath.Join(dir, "sock"), to: to, conns: map[net.Conn]struct{}{}}
	if d.listen, err = net.Listen("unix", d.from); err != nil {
		t.Fatal(err)
	}
	d.work.Go(d.serve)
	t.Cleanup(func() {
		d.listen.Close()
		d.cut()
		d.work.Wait()
	})
	return d
}

func (d *detour) endpoint() string { return "unix://" + d.from }

func (d *detour) serve() {
	for {
		c, err := d.listen.Accept()
		if err != nil {
			return
		}
		d.work.Go(func() { d.forward(c) })
	}
}

func (d *detour) forward(c net.Conn) {
	o, err := net.Dial("tcp", d.to)
	if err != nil || !d.keep(c, o) {
		c.Close()
		if o != nil {
			o.Close()
		}
		return
	}
	d.work.Go(func() {
		_, _ = io.Copy(o, c)
		o.Close()
	})
	_, _ = io.Copy(c, o)
	c.Close()
}

func (d *detour) keep(conns ...net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range conns {
		d.conns[c] = struct{}{}
	}
	return !d.shut
}

// cut ends all connections, and new ones at once.
func (d *detour) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	for c := range d.conns {
		c.Close()
		delete(d.conns, c)
	}
}

// mend lets connections through again.
func (d *detour) mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = false
}
