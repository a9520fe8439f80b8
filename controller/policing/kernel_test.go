package policing_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mdlayher/packet"

	"github.com/ringfence/ringfence/controller/policing"
	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/netns"
	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/unixctl"
)

// TestKernelPolices has a VM send as fast as it can, frames of which each needs a
// megaflow of its own: no more come to the switch than the limit allows, and all of
// them when there is none any more.
func TestKernelPolices(t *testing.T) {
	if lab.Datapath() != lab.KernelDatapath {
		t.Skip("the userspace datapath reads devices before the kernel polices them: make test-kernel")
	}
	const frames = 15_000
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // the virtual machine is slow
	defer cancel()
	l, err := lab.New(ctx, "h1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	host := l.Host("h1")
	vm, err := host.VM("eve", lab.NodeSpec{Name: "eve", MAC: "02:00:00:00:00:01"})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Plug(ctx, vm); err != nil {
		t.Fatal(err)
	}
	db, err := ovsdb.Dial(ctx, host.DBAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	sent := 0
	flood := func(limit ovsdb.Policing) (missed int, took time.Duration) {
		t.Helper()
		end := keep(t, db, host.DBAddr(), limit)
		defer end()
		before, begin := misses(ctx, t, host), time.Now()
		send(t, vm.Node, sent, frames) // others than before: megaflows live for some seconds
		sent += frames
		took = time.Since(begin)
		return misses(ctx, t, host) - before, took
	}
	limit := ovsdb.Policing{Rate: 1, Burst: 1}
	for range 2 {
		missed, took := flood(limit)
		if most := 1000 + int(took.Seconds()*1000) + 200; missed > most || missed < 500 {
			t.Errorf("%d of %d frames in %s came to the slow path, want %d at most", missed, frames, took, most)
		}
		t.Logf("limited: %d of %d frames in %s came to the slow path", missed, frames, took)
		missed, took = flood(ovsdb.Policing{})
		if missed < frames/2 {
			t.Errorf("no limit: %d of %d frames came to the slow path", missed, frames)
		}
		t.Logf("no limit: %d of %d frames in %s came to the slow path", missed, frames, took)
	}
}

// keep keeps a limit, returns when it holds, and ends with the function returned.
func keep(t *testing.T, db *ovsdb.Client, addr string, limit ovsdb.Policing) (end func()) {
	t.Helper()
	var mu sync.Mutex
	problem := errors.New("not begun")
	said := func() error {
		mu.Lock()
		defer mu.Unlock()
		return problem
	}
	kernel := policing.Kernel{Process: func() (string, error) {
		socket, err := unixctl.FindVswitchd(filepath.Dir(strings.TrimPrefix(addr, "unix:")))
		return "/proc/" + strings.TrimSuffix(strings.TrimPrefix(filepath.Base(socket), "ovs-vswitchd."), ".ctl"), err
	}}
	held := false
	var now ovsdb.Interface
	k := policing.NewKeeper(policing.Config{
		Limit: limit,
		Write: func(ctx context.Context, to map[string]ovsdb.Policed) error {
			return db.SetInterfacePolicing(ctx, policing.Key, to)
		},
		Polices: func(devices []uint32, limit ovsdb.Policing) (map[uint32]bool, error) {
			all, err := kernel.Polices(devices, limit)
			mu.Lock()
			defer mu.Unlock()
			held = err == nil && len(all) == 1 && all[devices[0]]
			return all, err
		},
		Problem: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			problem = err
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = k.Run(ctx) })
	done.Go(func() {
		_ = ovsdb.WatchBridge(ctx, addr, lab.Bridge, func(c ovsdb.Change) {
			mu.Lock()
			for _, i := range c.Set {
				if i.IfaceID != "" {
					now = i
				}
			}
			mu.Unlock()
			k.See(c)
		})
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		is := now
		holds := held
		mu.Unlock()
		var still map[uint32]bool
		if is.IfIndex != 0 && limit == (ovsdb.Policing{}) {
			still, _ = kernel.Polices([]uint32{is.IfIndex}, ovsdb.Policing{Rate: 1, Burst: 1})
		}
		switch {
		case limit != ovsdb.Policing{} && holds && said() == nil:
		case limit == ovsdb.Policing{} && is.IfIndex != 0 && is.Policing == limit && is.ExternalIDs[policing.Key] == "" && !still[is.IfIndex]:
		case time.Now().After(deadline):
			t.Fatalf("limit %v: %v, interface %+v", limit, said(), is)
		default:
			continue
		}
		return func() {
			cancel()
			done.Wait()
		}
	}
}

// send sends frames, an EtherType each, after those of which some were sent before.
func send(t *testing.T, n *lab.Node, before, frames int) {
	t.Helper()
	c, err := netns.Open(n.NS, func() (*packet.Conn, error) {
		device, err := net.InterfaceByName(lab.Device)
		if err != nil {
			return nil, err
		}
		return packet.Listen(device, packet.Raw, 0x88b5, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	frame := make([]byte, 60)
	copy(frame, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1})
	for i := range frames {
		binary.BigEndian.PutUint16(frame[12:], uint16(0x0900+before+i))
		if _, err := c.WriteTo(frame, &packet.Addr{HardwareAddr: frame[:6]}); err != nil {
			t.Fatal(err)
		}
		if i%20 == 19 {
			time.Sleep(time.Millisecond) // or the device's buffer loses them
		}
	}
}

// misses is how many packets had no megaflow.
func misses(ctx context.Context, t *testing.T, host *lab.Host) (n int) {
	t.Helper()
	text, err := host.Appctl(ctx, "dpctl/show")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "missed:")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return n
}
