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
	Members        []ClusterMember `json:"members"`
	Unreadable     []Unreadable    `json:"unreadable"`
	UnreadableMore bool            `json:"unreadable_more"` // than are listed
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
