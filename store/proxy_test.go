package store

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy is a wire to an etcd that a test can cut, or hold up so that neither
// end notices.
type proxy struct {
	listener net.Listener
	network  string
	target   string
	wg       sync.WaitGroup

	mu    sync.Mutex
	thaw  *sync.Cond
	conns map[net.Conn]struct{}
	down  bool
	held  bool
	done  bool
}

// via returns cfg with a wire between the store and etcd.
func via(t *testing.T, cfg Config) (Config, *proxy) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, network: "tcp", target: cfg.Endpoints[0], conns: map[net.Conn]struct{}{}}
	p.thaw = sync.NewCond(&p.mu)
	if path, ok := strings.CutPrefix(p.target, "unix://"); ok {
		p.network, p.target = "unix", path
	}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	cfg.Endpoints = []string{l.Addr().String()}
	return cfg, p
}

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial(p.network, p.target)
		p.mu.Lock()
		if err != nil || p.down || p.done {
			in.Close()
			if out != nil {
				out.Close()
			}
		} else {
			p.conns[in], p.conns[out] = struct{}{}, struct{}{}
			p.wg.Go(func() { p.pump(in, out) })
			p.wg.Go(func() { p.pump(out, in) })
		}
		p.mu.Unlock()
	}
}

func (p *proxy) pump(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		for p.held && !p.done {
			p.thaw.Wait()
		}
		p.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cut breaks all connections and refuses new ones until mend.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for c := range p.conns {
		c.Close()
		delete(p.conns, c)
	}
}

// hold lets nothing through until mend, without a word to either end.
func (p *proxy) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = true
}

func (p *proxy) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down, p.held = false, false
	p.thaw.Broadcast()
}

func (p *proxy) close() {
	p.listener.Close()
	p.cut()
	p.mu.Lock()
	p.done = true
	p.thaw.Broadcast()
	p.mu.Unlock()
	p.wg.Wait()
}
