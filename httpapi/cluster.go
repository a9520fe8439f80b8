package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

type clusterJSON struct {
	Level         int                 `json:"level"`
	Reads         int                 `json:"reads"` // by this API
	OlderAPIsGone bool                `json:"older_apis_gone"`
	Hold          *clusterHoldJSON    `json:"hold"`
	Members       []clusterMemberJSON `json:"members"`
	Unreadable    []unreadableJSON    `json:"unreadable"`
	More          bool                `json:"unreadable_more"` // than are listed
}

type clusterHoldJSON struct {
	Level int       `json:"level"`
	By    string    `json:"by"`
	Since time.Time `json:"since"`
}

type clusterMemberJSON struct {
	Kind     store.MemberKind `json:"kind"`
	ID       string           `json:"id"`
	Reads    int              `json:"reads"`
	Version  string           `json:"version"`
	Machine  string           `json:"machine"`
	Instance string           `json:"instance"`
	Since    *time.Time       `json:"since"` // by its own clock
}

type unreadableJSON struct {
	Key      string `json:"key"` // in etcd
	Revision int64  `json:"revision"`
	Reason   string `json:"reason"`
}

// maxListedUnreadable bounds the records that one answer names.
const maxListedUnreadable = 1000

// getCluster tells what the members of the cluster understand, and which
// records this API does not.
func getCluster(c *call) error {
	body, err := strictjson.Encode(showCluster(c.api.store))
	if err == nil {
		body, err = c.markStale(body)
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, body)
}

func showCluster(s Store) clusterJSON {
	cl := s.Cluster()
	out := clusterJSON{Level: int(cl.Level), Reads: int(store.LevelNow), OlderAPIsGone: cl.Adopted, Members: []clusterMemberJSON{}, Unreadable: []unreadableJSON{}}
	if cl.Pin != nil {
		out.Hold = showHold(cl.Pin)
	}
	for _, m := range cl.Members {
		j := clusterMemberJSON{Kind: m.Kind, ID: m.ID, Reads: int(m.Reads), Version: m.Version, Machine: m.Machine, Instance: m.Instance}
		if !m.Since.IsZero() {
			since := m.Since.UTC()
			j.Since = &since
		}
		out.Members = append(out.Members, j)
	}
	for _, u := range s.Unreadable() {
		if len(out.Unreadable) == maxListedUnreadable {
			out.More = true
			break
		}
		out.Unreadable = append(out.Unreadable, unreadableJSON{u.Key, u.Revision, u.Reason})
	}
	return out
}

func showHold(p *store.Pin) *clusterHoldJSON {
	return &clusterHoldJSON{int(p.Level), p.By, p.Since.UTC()}
}

// clusterEntry is the audit log's entry of an operator's word about the cluster,
// which replaces what is at a place in its document.
func (c *call) clusterEntry(place string, value any) (store.NoteWrite, error) {
	return c.platformEntry(shape.Change{Kind: "cluster", Action: "updated", Patch: []strictjson.Op{{Op: "replace", Path: place, Value: value}}})
}

// putCluster takes the word that no API runs any more from before APIs said
// what they understand. It cannot be taken back.
func putCluster(c *call) error {
	n, r, err := c.in.ObjectBody()
	if err != nil {
		return err
	}
	o := r.Object(n, "")
	gone := o.Bool("older_apis_gone")
	if gone == nil || !*gone {
		o.Invalid("/older_apis_gone", "must be true: there is nothing else to be said")
	}
	o.ReadOnly("level", "reads", "hold", "members", "unreadable", "unreadable_more")
	o.Close()
	if len(r.Faults) > 0 {
		return r.Faults
	}
	entry, err := c.clusterEntry("/older_apis_gone", true)
	if err != nil {
		return err
	}
	if err := c.api.store.AdoptCluster(c.req.Context(), entry); err != nil {
		return err
	}
	c.api.logger.Info("the cluster's level follows its members from now on", "by", c.who.Name)
	out := showCluster(c.api.store)
	out.OlderAPIsGone = true
	return c.json(out)
}

// holdCluster keeps the level where it is, so that everything may be rolled back.
func holdCluster(c *call) error {
	n, r, err := c.in.ObjectBody()
	if err != nil {
		return err
	}
	o := r.Object(n, "")
	level, ok := o.Int("level", int64(store.LevelFirst), int64(store.LevelNow))
	if !ok && len(r.Faults) == 0 {
		o.Invalid("/level", "must be the level that the cluster has")
	}
	o.Close()
	if len(r.Faults) > 0 {
		return r.Faults
	}
	pin := store.Pin{Level: store.Level(level), By: c.who.Name, Since: c.api.now().UTC()}
	entry, err := c.clusterEntry("/hold", showHold(&pin))
	if err != nil {
		return err
	}
	err = c.api.store.PinLevel(c.req.Context(), pin, entry)
	if errors.Is(err, store.ErrNotTheLevel) {
		return secgroup.Faults{{Pointer: "/level", Code: secgroup.CodeInvalidValue, Detail: fmt.Sprintf("must be the level that the cluster has: it is at %d", c.api.store.Cluster().Level)}}
	}
	if err != nil {
		return err
	}
	c.api.logger.Info("the cluster's level is held", "level", level, "by", c.who.Name)
	return c.json(showCluster(c.api.store))
}

// releaseCluster lets the level rise again.
func releaseCluster(c *call) error {
	if err := c.in.NoBody(); err != nil {
		return err
	}
	entry, err := c.clusterEntry("/hold", nil)
	if err != nil {
		return err
	}
	if err := c.api.store.UnpinLevel(c.req.Context(), entry); err != nil {
		return err
	}
	c.api.logger.Info("the cluster's level follows its members", "by", c.who.Name)
	c.res.WriteHeader(http.StatusNoContent)
	return nil
}
