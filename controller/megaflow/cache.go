package megaflow

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/unixctl"
)

// commitCost is what a commit costs at least: each one has ovs-vswitchd hold its
// cached megaflows against the tables again, and passes that follow one another
// without a pause take the time of everybody's first packets.
const commitCost = 10 * time.Millisecond

// Sampling of the last pass's duration: soon after a commit, at most that often.
const (
	sampleAfter = 20 * time.Millisecond
	sampleEvery = 5 * time.Second
)

// Cache knows of the megaflows that the switch has cached how many they were
// lately, and how long the last pass over them took.
type Cache struct {
	ctl       *unixctl.Client
	datapath  func() string
	kick      chan struct{} // a commit was made
	last      atomic.Int64  // nanoseconds
	flows     atomic.Int64
	misplaces atomic.Bool

	seconds, count prometheus.Gauge
}

// NewCache returns what is known of the cache of a datapath, by its name; that is
// nothing before Run. The gauges are registered with r, unless that is nil.
func NewCache(ctl *unixctl.Client, datapath func() string, r prometheus.Registerer) *Cache {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "ringfence", Subsystem: "controller", Name: name, Help: help})
	}
	c := &Cache{
		ctl: ctl, datapath: datapath, kick: make(chan struct{}, 1),
		seconds: gauge("revalidation_seconds", "Duration of ovs-vswitchd's last pass over its cached megaflows."),
		count:   gauge("megaflows", "Megaflows that ovs-vswitchd has cached."),
	}
	if r != nil {
		r.MustRegister(c.seconds, c.count)
	}
	return c
}

// Cost is what a commit costs now.
func (c *Cache) Cost() time.Duration { return max(commitCost, 2*c.lastPass()) }

// Misplaces says whether the switch may leave a megaflow as it was although the
// tables say otherwise, see Settler.
func (c *Cache) Misplaces(may bool) { c.misplaces.Store(may) }

// lastPass is how long the last pass took.
func (c *Cache) lastPass() time.Duration { return time.Duration(c.last.Load()) }

// cached is how many megaflows there were lately.
func (c *Cache) cached() int { return int(c.flows.Load()) }

// Committed has the next pass measured.
func (c *Cache) Committed() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// Run measures until ctx ends.
func (c *Cache) Run(ctx context.Context) error {
	for {
		idle := time.NewTimer(sampleEvery)
		select {
		case <-ctx.Done():
			idle.Stop()
			return ctx.Err()
		case <-idle.C:
		case <-c.kick:
			idle.Stop()
			if err := pause.For(ctx, sampleAfter); err != nil {
				return err
			}
		}
		c.sample(ctx)
	}
}

// sample asks the switch; one that is away says nothing.
func (c *Cache) sample(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	all, err := c.ctl.Revalidations(ctx)
	if err != nil {
		return
	}
	name := c.datapath()
	for _, d := range all {
		if d.Datapath == name {
			c.last.Store(int64(d.Duration))
			c.flows.Store(int64(d.Flows))
			c.seconds.Set(d.Duration.Seconds())
			c.count.Set(float64(d.Flows))
		}
	}
}
