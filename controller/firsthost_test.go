package controller

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ringfence/ringfence/controller/elsewhere"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// slowPeers answers what others answer, once answered is closed; before, whoever asks for
// another host waits.
type slowPeers struct {
	elsewhere.Peers
	asked    chan struct{} // gets something whenever somebody asks
	answered chan struct{}
}

func (p *slowPeers) Plugged(ctx context.Context, host string) ([]store.HostNIC, error) {
	if host != hostName {
		select {
		case p.asked <- struct{}{}:
		default:
		}
		select {
		case <-p.answered:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return p.Peers.Plugged(ctx, host)
}

// silentPeers cannot be asked, as while etcd is away.
type silentPeers struct{}

func (silentPeers) Plugged(context.Context, string) ([]store.HostNIC, error) {
	return nil, errors.New("away")
}

// atItsFirstHost has a1 name h2 first, where it is ready, and waits until it is not served
// here any more; a2 and a3 are here alone.
func atItsFirstHost(t *testing.T) (*rig, *small.Policy) {
	t.Helper()
	r, p := newRig(t), small.New()
	a1 := small.NIC(1)
	a1.Hosts = []string{"h2", hostName}
	r.allowHosts()
	r.write(append(p.Base(), secgroup.Put(a1), secgroup.Put(small.NIC(2)), secgroup.Put(small.NIC(3)),
		secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("web", "a3")))...)
	rev := r.write(p.Rule("web", "r1", secgroup.Ingress, "tcp", 80, ""))
	if err := r.store.PutHost(t.Context(), store.HostStatus{Host: "h2", Instance: "i2", NICs: []store.HostNIC{{ID: "a1", Ready: true}}}); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.plugged(1, 2, 3)
	r.applied(rev, "a1", "a2", "a3")
	r.eventually(patience, "a1 is served at h2", r.servedAtH2)
	return r, p
}

// allowHosts waits until NICs may name hosts, which all members have to understand.
func (r *rig) allowHosts() {
	r.t.Helper()
	r.store.Join(store.ClusterMember{ID: "api"})
	if err := r.store.AdoptCluster(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.eventually(patience, "NICs may name hosts", func() string {
		if c := r.store.Cluster(); c.Level < store.LevelPlacement {
			return fmt.Sprintf("%+v", c)
		}
		return ""
	})
}

// servedAtH2 says what is wrong if what is for a1 is delivered here.
func (r *rig) servedAtH2() string {
	if text, delivered := r.trace(2, 1, "tcp", 80); delivered {
		return "a1 is served here:\n" + text
	}
	return ""
}

// delivered says what is wrong if NIC n is not served here at a port.
func (r *rig) delivered(n, port int) func() string {
	return func() string {
		if text, delivered := r.trace(2, n, "tcp", port); !delivered {
			return text
		}
		return ""
	}
}

// TestServedAtItsFirstHostFromTheFirstStep: a controller that starts anew serves no NIC that
// is ready at the host that it names first, not even until that host was asked. The flows
// stay as they are until then.
func TestServedAtItsFirstHostFromTheFirstStep(t *testing.T) {
	r, p := atItsFirstHost(t)
	r.stop()
	rev := r.write(p.Rule("web", "r2", secgroup.Ingress, "tcp", 81, ""))
	peers := &slowPeers{r.hostStore, make(chan struct{}, 1), make(chan struct{})}
	r.peers, r.timing.peerPatience = peers, patience
	r.start()
	<-peers.asked
	r.stays(500*time.Millisecond, "h2 has not answered", r.servedAtH2)
	close(peers.answered)
	r.eventually(patience, "the new rule is in force for a3", r.delivered(3, 81))
	if wrong := r.servedAtH2(); wrong != "" {
		t.Error(wrong)
	}
	r.applied(rev, "a1", "a3")
}

// TestServedHereIfNobodyAnswers: a controller that starts anew and cannot ask a host about
// the NIC that names it first waits a moment, and serves it then, and all others.
func TestServedHereIfNobodyAnswers(t *testing.T) {
	r, p := atItsFirstHost(t)
	r.stop()
	r.peers = silentPeers{}
	rev := r.write(p.Rule("web", "r2", secgroup.Ingress, "tcp", 81, ""))
	r.start()
	r.applied(rev, "a1", "a3")
	for _, nic := range []int{1, 3} {
		r.eventually(patience, "served here", r.delivered(nic, 81))
	}
}

// TestAHostAloneGoesByWhatItKept: a host that starts while nobody can be asked gives its
// NICs flows all the same, but for those that were served elsewhere when it knew that last.
func TestAHostAloneGoesByWhatItKept(t *testing.T) {
	r, p := keeping(t)
	a1 := small.NIC(1)
	a1.Hosts = []string{"h2", hostName}
	a3 := small.NIC(3)
	a3.Hosts = []string{"h2", hostName}
	r.allowHosts()
	r.write(secgroup.Put(a1), secgroup.Put(a3), secgroup.Put(small.Attach("web", "a3")))
	if err := r.store.PutHost(t.Context(), store.HostStatus{Host: "h2", Instance: "i2", NICs: []store.HostNIC{{ID: "a1", Ready: true}}}); err != nil {
		t.Fatal(err)
	}
	rev := r.write(p.Rule("web", "r2", secgroup.Ingress, "tcp", 81, ""))
	r.eventually(patience, "a1 is served at h2", r.servedAtH2)
	r.applied(rev, "a1", "a3")
	r.awaitKept()
	peers := &slowPeers{r.hostStore, make(chan struct{}, 1), make(chan struct{})}
	r.peers, r.timing.peerPatience = peers, patience
	r.reboot()
	r.eventually(patience, "a3 is served here", r.delivered(3, 81))
	if wrong := r.servedAtH2(); wrong != "" {
		t.Error(wrong)
	}
	r.way.mend()
	<-peers.asked
	r.stays(500*time.Millisecond, "the store is back, and h2 has not answered", r.servedAtH2)
	close(peers.answered)
	rev = r.write(p.Rule("web", "r3", secgroup.Ingress, "tcp", 82, ""))
	r.applied(rev, "a1", "a3")
	r.eventually(patience, "the new rule is in force for a3", r.delivered(3, 82))
	if wrong := r.servedAtH2(); wrong != "" {
		t.Error(wrong)
	}
}
