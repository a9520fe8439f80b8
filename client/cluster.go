package client

import (
	"context"
	"net/http"
	"time"
)

// Cluster is what the hosts and APIs understand together.
type Cluster struct {
	Level int `json:"level"` // up to which records may be written
	Reads int `json:"reads"` // by the API that answers
	// OlderAPIsGone says that the level follows the members.
	OlderAPIsGone  bool            `json:"older_apis_gone"`
	Hold           *ClusterHold    `json:"hold"` // nil: nothing keeps the level from rising but its members
	Members        []ClusterMember `json:"members"`
	Unreadable     []Unreadable    `json:"unreadable"`
	UnreadableMore bool            `json:"unreadable_more"` // than are listed
}

// ClusterHold keeps the level from rising.
type ClusterHold struct {
	Level int       `json:"level"`
	By    string    `json:"by"`    // the name of the token that it was set with
	Since time.Time `json:"since"` // by the API's clock
}

// ClusterMember is an API that runs, or a host.
type ClusterMember struct {
	Kind     string     `json:"kind"` // "api", "host"
	ID       string     `json:"id"`
	Reads    int        `json:"reads"` // the level that it understands
	Version  string     `json:"version"`
	Machine  string     `json:"machine"`
	Instance string     `json:"instance"` // tells two machines apart
	Since    *time.Time `json:"since"`    // by its own clock
}

// Unreadable is a record of the policy that the API cannot read.
type Unreadable struct {
	Key      string `json:"key"` // in etcd
	Revision int64  `json:"revision"`
	Reason   string `json:"reason"`
}

// Cluster reads what the hosts and APIs understand together (admin).
func (c *Client) Cluster(ctx context.Context, opts ...CallOption) (out Cluster, err error) {
	err = c.Do(ctx, http.MethodGet, "/v1/cluster", nil, &out, opts...)
	return out, err
}

// AdoptCluster says that no API runs any more from before APIs said what they
// understand, so that the level follows the members (admin).
func (c *Client) AdoptCluster(ctx context.Context, opts ...CallOption) (out Cluster, err error) {
	body := struct {
		OlderAPIsGone bool `json:"older_apis_gone"`
	}{true}
	err = c.Do(ctx, http.MethodPut, "/v1/cluster", body, &out, opts...)
	return out, err
}

// HoldCluster keeps the level where it is, which must be the one given, until
// ReleaseCluster: as long as it is kept everything may be rolled back (admin).
func (c *Client) HoldCluster(ctx context.Context, level int, opts ...CallOption) (out Cluster, err error) {
	body := struct {
		Level int `json:"level"`
	}{level}
	err = c.Do(ctx, http.MethodPut, "/v1/cluster/hold", body, &out, opts...)
	return out, err
}

// ReleaseCluster lets the level rise again to what all members understand (admin).
func (c *Client) ReleaseCluster(ctx context.Context, opts ...CallOption) error {
	return c.Do(ctx, http.MethodDelete, "/v1/cluster/hold", nil, nil, opts...)
}
