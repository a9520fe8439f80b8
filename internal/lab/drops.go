package lab

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// drops counts the packets that the lab itself has lost because the machine was
// too slow: those that found the sockets full by which a switch reads its
// devices. Whoever then misses a packet cannot blame the flows for it.
type drops struct {
	mu      sync.Mutex
	sockets map[string]int // by namespace and inode
	total   int
	samples []dropSample // in order of time; the first is the beginning
}

type dropSample struct {
	at    time.Time
	total int
}

// socketDrops finds a socket's inode and drops in the output of ss(8).
var socketDrops = regexp.MustCompile(`ino:(\d+).*skmem:\([^)]*,d(\d+)\)`)

// DropsSince is how many packets the lab has lost since a time, or somewhat
// earlier: since the last call before that.
func (l *Lab) DropsSince(ctx context.Context, since time.Time) (int, error) {
	d := &l.drops
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for _, s := range l.sites() {
		var out bytes.Buffer
		cmd := exec.CommandContext(ctx, "ss", "--packet", "--memory", "--extended", "--oneline", "--numeric")
		cmd.Stdout = &out
		if err := s.ns.Do(cmd.Run); err != nil {
			return 0, fmt.Errorf("ss in %s: %w", s.name, err)
		}
		for _, m := range socketDrops.FindAllStringSubmatch(out.String(), -1) {
			n, err := strconv.Atoi(m[2])
			if err != nil {
				return 0, err
			}
			d.add(s.name+"/"+m[1], n)
		}
	}
	base := 0
	for _, s := range d.samples {
		if !s.at.After(since) {
			base = s.total
		}
	}
	d.samples = append(d.samples, dropSample{now, d.total})
	return d.total - base, nil
}

// add takes a socket's count; sockets come and go.
func (d *drops) add(socket string, count int) {
	if d.sockets == nil {
		d.sockets = map[string]int{}
	}
	d.total += max(0, count-d.sockets[socket])
	d.sockets[socket] = count
}

func (l *Lab) sites() []*site {
	sites := []*site{l.fabric}
	for _, h := range l.hosts {
		sites = append(sites, h.site)
	}
	return sites
}
