package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/controller/desk"
	"github.com/ringfence/ringfence/controller/elsewhere"
	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/unixctl"
)

// Reports takes what the host says about itself.
type Reports interface {
	PutHost(ctx context.Context, h store.HostStatus) error
}

// Config says which bridge to keep and by which policy.
type Config struct {
	Share   share.Source
	Judge   revoke.Judge
	Reports Reports
	// Applied is called with the updates of the share that are in force, after each
	// report that says so was written; nil: nobody wants to know.
	Applied func(share.InForce)
	// Reached returns the revision up to which nothing more concerns the host, when the
	// given revision of its share is in force. Nil: each revision comes as an update.
	Reached func(applied int64) int64
	Asks    desk.Asks       // nil: nobody asks
	Peers   elsewhere.Peers // nil: a NIC is taken to be at the host that it names first
	History History         // nil: that the store went back is found out by those who follow it alone
	Plugs   elsewhere.Plugs // nil: a NIC that names no hosts is served here although it is plugged elsewhere since later
	// Alive is called by the loop that makes flows whenever it goes on: some times a
	// minute if nothing happens, and before each bundle, which may take its time. It must
	// not block; nil: nobody wants to know.
	Alive func()
	// ShareFile is the file in which the host's share of the policy is kept, "" for none, and
	// ShareSources are the addresses that the share comes from, see package kept.
	ShareFile    string
	ShareSources []string
	Host         string // name under which the host reports
	OVSDB        string // address of the local ovsdb-server: unix:PATH
	Bridge       string // br-int; made if it is missing
	// Datapath is the datapath_type of a bridge that has to be made: "" for
	// the kernel's, "netdev" for the userspace one.
	Datapath string
	Uplink   string // name of the port to other hosts; "" if there is none
	// NICConnections is how many connections a NIC may have open, 0 for any
	// number.
	NICConnections uint32
	// NICPackets is how many packets a NIC may send, the zero value for any number.
	NICPackets ovsdb.Policing
	// RunDir holds ovs-vswitchd's sockets; "" is the directory of OVSDB's.
	RunDir  string
	Version string
	Logger  *slog.Logger
	Metrics prometheus.Registerer // nil: not exported

	timing timing
	unfit  func(unixctl.Version) error // what tests replace
}

// timing is what tests shorten.
type timing struct {
	audit         time.Duration // reading the flows back although nothing seems wrong
	retryRefused  time.Duration // trying flows again that the switch did not take
	zoneGrace     time.Duration // keeping the zone of a NIC that left
	count         time.Duration // reading the counters of flows
	sharePatience time.Duration // waiting for the policy before what is kept is enforced
	peerPatience  time.Duration // waiting for what other hosts have ready before NICs are served that name those first
	unsure        time.Duration // picking nothing up of a NIC that is new, see memory.doubt
}

func (c Config) withDefaults() (Config, error) {
	path, ok := strings.CutPrefix(c.OVSDB, "unix:")
	switch {
	case c.Share == nil || c.Judge == nil || c.Reports == nil:
		return c, errors.New("controller: no share of a policy, no judge or no reports")
	case c.Host == "" || c.Bridge == "":
		return c, errors.New("controller: host and bridge must be named")
	case !ok:
		return c, fmt.Errorf("controller: ovsdb: %q is not unix:PATH", c.OVSDB)
	}
	if c.RunDir == "" {
		c.RunDir = filepath.Dir(path)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Alive == nil {
		c.Alive = func() {}
	}
	if c.unfit == nil {
		c.unfit = megaflow.Unfit
	}
	if c.timing.audit <= 0 {
		c.timing.audit = auditEvery
	}
	if c.timing.zoneGrace <= 0 {
		c.timing.zoneGrace = zoneGrace
	}
	if c.timing.unsure <= 0 {
		c.timing.unsure = pickUpNotAfter
	}
	if c.timing.retryRefused <= 0 {
		c.timing.retryRefused = tryRefused
	}
	return c, nil
}
