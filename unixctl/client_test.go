package unixctl_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/ovstest"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/unixctl"
)

func TestTraceAndRevalidation(t *testing.T) {
	t.Parallel()
	k := startTracked(t)
	ctx := context.Background()
	const packet = "in_port=1,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=80"
	for name, c := range map[string]struct {
		next []string
		want string
	}{
		"new by default": {nil, "commit"},
		"established":    {[]string{"trk,est"}, "ct_state=+est"},
	} {
		text, err := k.Client.Trace(ctx, "br-int", packet, unixctl.TraceOptions{CTNext: c.next})
		if err != nil || !strings.Contains(text, c.want) {
			t.Errorf("%s: %v, no %q in:\n%s", name, err, c.want, text)
		}
	}
	raw := frame(t, ip4("10.9.9.9", "10.0.0.2", 17))
	if text, err := k.Client.Trace(ctx, "br-int", "in_port=1", unixctl.TraceOptions{Packet: raw, Names: true}); err != nil || !strings.Contains(text, "10.9.9.9") {
		t.Errorf("a raw packet: %v\n%s", err, text)
	}
	_, err := k.Client.Trace(ctx, "br-none", packet, unixctl.TraceOptions{})
	var refused *unixctl.Error
	if !errors.As(err, &refused) || refused.Method != "ofproto/trace" || !strings.Contains(refused.Text, "unknown bridge") {
		t.Errorf("trace on an unknown bridge: %v", err)
	}

	k.expect(7, k.sendAll())
	if err := errors.Join(k.AwaitTurn(ctx), k.AwaitPass(ctx), k.AwaitPass(ctx)); err != nil {
		t.Fatal(err)
	}
	r, err := k.Revalidations(ctx)
	if err != nil || len(r) != 1 || r[0].Datapath != "dummy@ovs-dummy" || r[0].Flows == 0 || r[0].Limit == 0 || r[0].Duration < time.Millisecond {
		t.Errorf("revalidations %+v, %v", r, err)
	}
}

func TestClientSurvivesRestart(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	ctx := context.Background()
	c := unixctl.Open(v.RunDir)
	defer c.Close()
	ask := func() {
		t.Helper()
		if _, err := c.Version(ctx); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	v.RestartVswitchd()
	ask()
	v.KillVswitchd()
	if _, err := c.Version(ctx); !errors.Is(err, unixctl.ErrNotRunning) {
		t.Errorf("killed: %v", err)
	}
	v.StartVswitchd()
	ask()

	closed := unixctl.Open(v.RunDir)
	closed.Close()
	if _, err := closed.Version(ctx); !errors.Is(err, unixctl.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	nowhere := client(t, controlSocket(t)) // where nobody listens
	if _, err := nowhere.Version(ctx); !errors.Is(err, unixctl.ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
}

func TestConcurrentCallsGetTheirOwnAnswers(t *testing.T) {
	t.Parallel()
	k := startTracked(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				src := net.IPv4(10, 7, byte(g), byte(i)).String()
				text, err := k.Client.Trace(context.Background(), "br-int", "in_port=1,udp,nw_dst=1.2.3.4,nw_src="+src, unixctl.TraceOptions{})
				if err != nil || !strings.Contains(text, "nw_src="+src+",") {
					t.Errorf("trace of %s: %v\n%s", src, err, text)
					return
				}
			}
		})
	}
	wg.Wait()
}

// controlSocket is where an ovs-vswitchd would listen that runs in a directory of
// its own and has the process id 1.
func controlSocket(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "ovs-vswitchd.1.ctl")
	for path, content := range map[string]string{socket: "", filepath.Join(dir, "ovs-vswitchd.pid"): "1\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return socket
}

// client asks the ovs-vswitchd behind a control socket.
func client(t *testing.T, socket string) *unixctl.Client {
	t.Helper()
	c := unixctl.Open(filepath.Dir(socket))
	t.Cleanup(func() { c.Close() })
	return c
}

// serve answers each connection's first request with raw bytes, then closes
// it, or keeps silent if there are none.
func serve(t *testing.T, answers ...string) *unixctl.Client {
	t.Helper()
	return serveSilently(t, func() {}, answers...)
}

// serveSilently is serve that tells of each request that it leaves without an answer.
func serveSilently(t *testing.T, silent func(), answers ...string) *unixctl.Client {
	t.Helper()
	socket := controlSocket(t)
	if err := os.Remove(socket); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for _, a := range answers {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			if a == "" {
				t.Cleanup(func() { c.Close() })
				silent()
				continue
			}
			_, _ = c.Write([]byte(a))
			c.Close()
		}
	}()
	return client(t, socket)
}

func TestAnswersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"another id":       `{"id":7,"result":"x","error":null}`,
		"no id":            `{"result":"x","error":null}`,
		"neither":          `{"id":1,"result":null,"error":null}`,
		"result no string": `{"id":1,"result":{"a":1},"error":null}`,
		"not JSON":         `hello`,
		"cut off":          `{"id":1,"resu`,
	} {
		if text, err := serve(t, answer).Call(context.Background(), "m"); err == nil {
			t.Errorf("%s: %q", name, text)
		}
	}
	if _, err := serve(t, "x").Call(context.Background(), "m", "a\x00b"); err == nil {
		t.Error("an argument with NUL was sent")
	}
}

// A switch that cannot reach its connections says that it has none, and that it
// has no zone to flush; CheckTracking tells.
func TestConnectionsOfTheKernel(t *testing.T) {
	t.Parallel()
	const version = `{"id":1,"result":"ovs-vswitchd (Open vSwitch) 3.3.0","error":null}`
	refused := func(text string) string {
		return `{"id":1,"result":null,"error":"` + text + `\novs-vswitchd: 1 error"}`
	}
	for text, want := range map[string]string{
		"ovs-vswitchd: deleting conntrack entry (No such file or directory)": "",
		"ovs-vswitchd: deleting conntrack entry (Protocol not supported)":    "nf_conntrack_netlink",
	} {
		c := serve(t, version, refused(text)).ForDatapath(unixctl.DatapathName("system"))
		err := c.CheckTracking(context.Background())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	c := serve(t, version, refused("ovs-vswitchd: deleting conntrack entry (Operation not supported)")).ForDatapath(unixctl.DatapathName("system"))
	gre := unixctl.Conn{Proto: 47, Zone: 7, Orig: unixctl.Tuple{Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2")}}
	if err := c.FlushConntrack(context.Background(), gre); !errors.Is(err, unixctl.ErrFlushUnsupported) {
		t.Errorf("GRE: %v", err)
	}
	if err := startTracked(t).CheckTracking(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancelCause(context.Background())
	c := serveSilently(t, func() { end(context.DeadlineExceeded) }, "", `{"id":1,"result":"second","error":null}`)
	if _, err := c.Call(ctx, "m"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silent server: %v", err)
	}
	if text, err := c.Call(context.Background(), "m"); err != nil || text != "second" {
		t.Errorf("the next call: %q, %v", text, err)
	}
}

// BenchmarkTrace is the cost of one trace over one socket.
func BenchmarkTrace(b *testing.B) {
	v := ovstest.Start(b, ovstest.Options{})
	v.AddBridge("br-int")
	v.AddPort("br-int", "p1", 1, "")
	v.Ofctl("add-flow", "br-int", "ip,actions=ct(table=1,zone=7)")
	c := unixctl.Open(v.RunDir)
	defer c.Close()
	for b.Loop() {
		if _, err := c.Trace(context.Background(), "br-int", "in_port=1,tcp,nw_dst=1.2.3.4", unixctl.TraceOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFlush is the cost of one attempt to delete a connection.
func BenchmarkFlush(b *testing.B) {
	v := ovstest.Start(b, ovstest.Options{})
	v.AddBridge("br-int")
	c := unixctl.Open(v.RunDir)
	defer c.Close()
	conn := unixctl.Conn{Proto: packet.ProtoUDP, Zone: 7, Orig: unixctl.Tuple{Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), SPort: 1, DPort: 2}}
	for b.Loop() {
		if err := c.FlushConntrack(context.Background(), conn); err != nil {
			b.Fatal(err)
		}
	}
}
