package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/traffic"
	"github.com/ringfence/ringfence/openflow/ofconn"
)

// dropPhase is how long the flood is watched and how long it is not.
const dropPhase = 2 * time.Second

// TestDropFlood: one VM sends packets that are dropped, as fast as it can, while
// nobody looks, while somebody does, and when that is over. All the while changes
// come into force, other VMs lose nothing, and of what is dropped all is counted
// and little is told of. What each costs is logged: the processor time of the
// switch, the answers of the control channel, changes, messages of others.
func TestDropFlood(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := dc.newTenant(t)
	n.play("eve", "victim", "client", "server")
	for _, role := range n.roles {
		n.group(role)
		n.join(role, role)
	}
	n.rule("server", "in", "ingress tcp 7000 from client")
	control, err := ofconn.Dial(t.Context(), dc.lab.Host("h1").MgmtSock(lab.Bridge), ofconn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	f := &dropFlood{tenant: n, control: control, stream: openStream(t, n.party("client@h1"), n.party("server@h1"), "tcp", 4, 7000, traffic.StreamSpec{})}
	opened := time.Now()

	f.phase("no flood", false, nil)
	f.phase("a flood, and nobody looks", true, nil)
	looked := time.Now()
	f.phase("a flood, and somebody looks", true, func() { n.drops(client.DropFilter{NIC: n.nic("victim", "h1")}) })
	n.expectCounted(looked)
	eventually(t, time.Minute, func() error {
		fs, err := dc.lab.Host("h1").Flows(t.Context())
		if err == nil && slices.ContainsFunc(fs, watching) {
			err = fmt.Errorf("the host still looks: %d flows", len(fs))
		}
		return err
	})
	f.phase("a flood, when nobody looks any more", true, nil)
	expectUndisturbed(t, f.stream, n.party("client@h1"), n.party("server@h1"), opened)
}

// expectCounted compares what is told of the flood, at which hosts look since a
// time, with what is counted: all is counted, and told of are no more packets
// than hosts look at in so many seconds, one second's worth at once.
func (n *tenant) expectCounted(since time.Time) {
	n.t.Helper()
	eventually(n.t, longest, func() error {
		l := n.drops(client.DropFilter{NIC: n.nic("victim", "h1")})
		told, counted := uint64(0), uint64(0)
		for _, d := range l.Items {
			if d.Direction == "ingress" && d.Reason == "no-rule" {
				told += d.Count
			}
		}
		for _, s := range l.Totals {
			if s.Direction == "ingress" && s.Reason == "no-rule" {
				counted += s.Packets
			}
		}
		most := uint64(float64(l.Rate) * (1 + time.Since(since).Seconds()))
		if told == 0 || told > counted || told > most {
			return fmt.Errorf("told of %d packets, at most %d were looked at, %d are counted", told, most, counted)
		}
		n.t.Logf("of %d packets that were counted %d were told of", counted, told)
		return nil
	})
}

type dropFlood struct {
	*tenant
	control *ofconn.Conn
	stream  *traffic.Stream
	changes int
}

// phase measures for a while. look is called now and then.
func (f *dropFlood) phase(name string, flood bool, look func()) {
	f.t.Helper()
	if look != nil {
		look()
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), dropPhase)
	defer cancel()
	begin, busy := time.Now(), f.busy()
	sent := make(chan int, 1)
	go func() { sent <- f.send(ctx, flood) }()
	var answers, changes []time.Duration
	for looked := begin; ctx.Err() == nil; {
		at := time.Now()
		if err := f.control.Apply(f.t.Context()); err != nil {
			f.t.Fatal(err)
		}
		answers = append(answers, time.Since(at))
		if len(answers)%10 == 0 {
			f.changes++
			at := time.Now()
			f.rule("client", "r", fmt.Sprintf("ingress tcp %d from any", 1000+f.changes))
			changes = append(changes, time.Since(at))
		}
		if look != nil && time.Since(looked) > dropPhase/4 {
			look()
			looked = time.Now()
		}
		time.Sleep(5 * time.Millisecond)
	}
	end := time.Now()
	packets := <-sent
	busy = f.busy() - busy
	cost := "-"
	if packets > 0 {
		cost = fmt.Sprintf("%.2f µs", float64(busy.Microseconds())/float64(packets))
	}
	slices.Sort(answers)
	slices.Sort(changes)
	f.t.Logf("%s: %.0f packets a second; ovs-vswitchd was busy for %s, %s a packet; control channel %s; changes in force %s; messages of others %s", name,
		float64(packets)/end.Sub(begin).Seconds(), busy, cost, spread(answers), spread(changes), spread(f.stream.ToServer.Delays(begin, end)))
}

// busy is the processor time that h1's switch has used (proc_pid_stat(5)).
func (f *dropFlood) busy() time.Duration {
	f.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", f.dc.lab.Host("h1").VswitchdPID()))
	if err != nil {
		f.t.Fatal(err)
	}
	const perSecond = 100 // USER_HZ
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')'):]))
	user, err1 := strconv.Atoi(fields[12])
	system, err2 := strconv.Atoi(fields[13])
	if err := errors.Join(err1, err2); err != nil {
		f.t.Fatal(err)
	}
	return time.Duration(user+system) * time.Second / perSecond
}

// send floods the victim until ctx ends, and returns how many packets.
func (f *dropFlood) send(ctx context.Context, flood bool) (sent int) {
	if !flood {
		return 0
	}
	eve, victim := f.party("eve@h1"), f.party("victim@h1")
	s := newSender(f.t, eve.Node)
	frame := newWire(eve, victim, f.vlan).udp4(9)
	for ctx.Err() == nil {
		s.send(f.t, frame)
		if sent++; sent%20 == 0 {
			time.Sleep(time.Millisecond) // or the device's buffer loses them
		}
	}
	return sent
}
