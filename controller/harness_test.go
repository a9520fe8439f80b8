package controller

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/controller/desk"
	"github.com/ringfence/ringfence/controller/elsewhere"
	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/controller/whole"
	"github.com/ringfence/ringfence/internal/etcdtest"
	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/unixctl"
)

const (
	bridge   = "br-int"
	hostName = "h1"
	patience = 2 * time.Minute
	// repairTime is what docs/semantics.md §5 allows for a repair.
	repairTime = time.Second
)

// rig is one host: a switch, a store, and a controller that can be
// stopped and started.
type rig struct {
	t       *testing.T
	ovs     *ovstest.OVS
	etcd    store.Config
	store   *store.Store // the API's
	ctl     *unixctl.Client
	timing  timing
	uplink  string
	unfit   func(unixctl.Version) error
	turned  func()
	metrics *prometheus.Registry
	logs    *logbook
	asks    desk.Asks       // instead of the host's store
	reports Reports         // likewise
	peers   elsewhere.Peers // likewise
	history History
	policy  *wholePolicy                    // the host's
	keep    string                          // file of its share
	source  func(share.Source) share.Source // what the controller has instead of the policy

	way       *detour // from the host to etcd
	hostStore *store.Store

	cancel context.CancelFunc
	ended  chan error
}

// newRig starts all but the controller, and makes the bridge.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := newBareRig(t)
	r.ovs.AddBridge(bridge)
	return r
}

// newBareRig starts all but the controller.
func newBareRig(t *testing.T) *rig {
	t.Helper()
	t.Parallel()
	// All NICs of a test are new; that they are unsure for a while is for those
	// tests that are about it.
	r := &rig{t: t, logs: &logbook{}, timing: timing{unsure: 1}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("controller's log:\n%s", r.logs)
		}
	})
	r.ovs = ovstest.Start(t, ovstest.Options{})
	r.etcd = etcdtest.Config(t)
	r.store = r.openStore(r.etcd.Endpoints[0], patience)
	r.way = newDetour(t, r.etcd.Endpoints[0])
	r.hostStore = r.openStore(r.way.endpoint(), time.Second)
	r.policy = &wholePolicy{Store: r.hostStore}
	r.ctl = unixctl.Open(r.ovs.RunDir)
	t.Cleanup(func() { r.ctl.Close() })
	t.Cleanup(r.stop)
	return r
}

// openStore opens a store that takes etcd for lost if it does not answer in time.
func (r *rig) openStore(endpoint string, answers time.Duration) *store.Store {
	r.t.Helper()
	cfg := r.etcd
	cfg.Endpoints = []string{endpoint}
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.RequestTimeout, cfg.ProbeInterval, cfg.ProbeTimeout = 2*answers, max(200*time.Millisecond, answers/20), answers
	s, err := store.Open(r.t.Context(), cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { s.Close() })
	return s
}

// nicConnections is how many connections a NIC may have.
const nicConnections = 1000

// start starts the controller.
func (r *rig) start() {
	r.t.Helper()
	r.logs.Write([]byte(controllerStarts + "\n"))
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.ended = cancel, make(chan error, 1)
	r.metrics = prometheus.NewRegistry()
	policy := whole.New(r.policy, hostName)
	cfg := Config{
		Share: policy, Judge: policy, Reports: r.hostStore, Asks: policy.Asks(r.hostStore), Peers: r.hostStore, Plugs: r.hostStore, History: r.history, Uplink: r.uplink, Host: hostName,
		OVSDB: r.ovs.DBAddr, Bridge: bridge, Datapath: "dummy",
		Logger: slog.New(slog.NewTextHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelDebug})), Metrics: r.metrics, timing: r.timing, unfit: r.unfit, Alive: r.turned,
		NICConnections: nicConnections, ShareFile: r.keep, ShareSources: r.etcd.Endpoints,
	}
	if r.source != nil {
		cfg.Share = r.source(policy)
	}
	if r.asks != nil {
		cfg.Asks = policy.Asks(r.asks)
	}
	if r.reports != nil {
		cfg.Reports = r.reports
	}
	if r.peers != nil {
		cfg.Peers = r.peers
	}
	go func() { r.ended <- Run(ctx, cfg) }()
}

// controllerStarts is in the log where a controller is started.
const controllerStarts = "--- a controller starts"

// stop stops the controller, if it runs.
func (r *rig) stop() {
	if r.cancel == nil {
		return
	}
	r.cancel()
	if err := <-r.ended; err != nil {
		r.t.Errorf("controller: %v", err)
	}
	r.cancel = nil
}

// write writes changes of the policy as one revision; the last change of an
// object counts.
func (r *rig) write(changes ...secgroup.Change) int64 {
	r.t.Helper()
	last := map[secgroup.Key]int{}
	for i, c := range changes {
		last[c.Key] = i
	}
	all := changes
	changes = nil
	for i, c := range all {
		if last[c.Key] == i {
			changes = append(changes, c)
		}
	}
	rev, err := r.store.Update(r.t.Context(), func(*secgroup.Snapshot) ([]secgroup.Change, error) { return changes, nil })
	if err != nil {
		r.t.Fatal(err)
	}
	return rev
}

// status waits until the host's status is as told.
func (r *rig) status(what string, ok func(store.HostStatus) bool) store.HostStatus {
	r.t.Helper()
	var last store.HostStatus
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	err := r.store.WaitHosts(ctx, func(hosts []store.HostStatus) bool {
		i := slices.IndexFunc(hosts, func(h store.HostStatus) bool { return h.Host == hostName }) // others may have reported, too
		if i < 0 {
			return false
		}
		last = hosts[i]
		return ok(last)
	})
	if err != nil {
		r.t.Fatalf("%s: %v; the host's status is %+v", what, err, last)
	}
	return last
}

// applied waits until a revision is in force and the NICs named are ready.
func (r *rig) applied(rev int64, ready ...string) store.HostStatus {
	r.t.Helper()
	return r.status(fmt.Sprintf("revision %d in force, NICs %v ready", rev, ready), func(h store.HostStatus) bool {
		for _, id := range ready {
			if !isReady(h, id) {
				return false
			}
		}
		return h.Applied >= rev && h.Connected
	})
}

func isReady(h store.HostStatus, nic string) bool {
	return slices.ContainsFunc(h.NICs, func(n store.HostNIC) bool { return n.ID == nic && n.Ready })
}

// eventually waits until fn says nothing is wrong any more. It asks more and more
// rarely, for many of these questions start a program, which takes the processor from
// what is waited for.
func (r *rig) eventually(within time.Duration, what string, fn func() string) {
	r.t.Helper()
	var wrong string
	pause := 2 * time.Millisecond
	for end := time.Now().Add(within); ; time.Sleep(pause) {
		pause = min(pause*5/4, 50*time.Millisecond)
		if wrong = fn(); wrong == "" {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("%s: not within %v: %s", what, within, wrong)
		}
	}
}

// stays checks that nothing comes to be wrong for a while: what must not happen has
// its time.
func (r *rig) stays(during time.Duration, what string, fn func() string) {
	r.t.Helper()
	for end := time.Now().Add(during); ; time.Sleep(20 * time.Millisecond) {
		if wrong := fn(); wrong != "" {
			r.t.Errorf("%s: %s", what, wrong)
			return
		}
		if time.Now().After(end) {
			return
		}
	}
}

// promptly is eventually within the time of a repair, as slow as the machine is.
func (r *rig) promptly(what string, fn func() string) {
	r.t.Helper()
	slowness.Within(r.t, repairTime, what, func() { r.eventually(patience, what, fn) })
}

// flows returns the flows in the switch, sorted, without statistics, but for
// those that pick up TCP for a while.
func (r *rig) flows() []string {
	r.t.Helper()
	var flows []string
	for line := range strings.Lines(r.ovs.Ofctl("--no-stats", "dump-flows", bridge)) {
		if line = strings.TrimSpace(line); strings.Contains(line, "cookie=") && !strings.Contains(line, fmt.Sprintf("cookie=%#x", ofrules.PickUpCookie)) {
			flows = append(flows, line)
		}
	}
	slices.Sort(flows)
	return flows
}

// counter reads a counter, or the count of a histogram, of the controller.
func (r *rig) counter(name string) float64 {
	r.t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "ringfence_controller_"+name {
			continue
		}
		m := f.GetMetric()[0]
		switch {
		case m.Counter != nil:
			return m.Counter.GetValue()
		case m.Gauge != nil:
			return m.Gauge.GetValue()
		case m.Histogram != nil:
			return float64(m.Histogram.GetSampleCount())
		}
	}
	r.t.Fatalf("no metric %s", name)
	return 0
}

// withUplink gives the bridge an uplink, "up" with ofport 50.
func (r *rig) withUplink() {
	r.t.Helper()
	r.uplink = "up"
	r.ovs.AddPort(bridge, "up", 50, "")
}

// restartVswitchd kills ovs-vswitchd, and starts it when the host has seen the loss.
func (r *rig) restartVswitchd() {
	r.t.Helper()
	r.ovs.KillVswitchd()
	r.status("the loss is seen", func(h store.HostStatus) bool { return !h.Connected })
	r.ovs.StartVswitchd()
}

// plug plugs NIC n as interface p<n> with ofport n.
func (r *rig) plug(n int) {
	r.t.Helper()
	r.ovs.AddPort(bridge, fmt.Sprintf("p%d", n), uint32(n), fmt.Sprintf("a%d", n))
}
