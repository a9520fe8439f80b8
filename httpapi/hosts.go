package httpapi

import (
	"net/http"

	"github.com/ringfence/ringfence/httpapi/hoststate"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// hostList is the hosts as they report themselves. They are no part of the
// policy and have no revisions: a page shows what they said last.
var hostList = listing[store.HostStatus]{
	items: func(c *call, _ *secgroup.Snapshot) ([]store.HostStatus, error) { return c.api.store.Hosts(), nil },
	key:   func(h store.HostStatus) string { return h.Host },
	show: func(c *call, s *secgroup.Snapshot) func(store.HostStatus) any {
		now := hoststate.At(c.api.store, c.api.now())
		return func(h store.HostStatus) any { return now.Show(s, &h) }
	},
}

func getHost(c *call) error {
	return c.object(func(s *secgroup.Snapshot) (any, string) {
		h, known := c.api.store.Host(c.in.Param("host"))
		if !known {
			return nil, ""
		}
		return hoststate.At(c.api.store, c.api.now()).Show(s, &h), "h"
	})
}

// deleteHost forgets a host that is no more, so that nobody waits for it.
func deleteHost(c *call) error {
	if err := c.in.NoBody(); err != nil {
		return err
	}
	host := c.in.Param("host")
	if _, known := c.api.store.Host(host); !known {
		return transport.NotFound()
	}
	entry, err := c.platformEntry(shape.Change{Kind: "host", ID: host, Action: "deleted", Patch: []strictjson.Op{{Op: "remove", Path: "", Value: nil}}})
	if err != nil {
		return err
	}
	if err := c.api.store.DeleteHost(c.req.Context(), host, entry); err != nil {
		return err
	}
	c.res.WriteHeader(http.StatusNoContent)
	return nil
}
