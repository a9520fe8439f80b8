package matrix

import (
	"errors"

	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/traffic"
)

// Party is a machine that asks and answers, and whose packets are recorded.
type Party struct {
	Role  string // several parties may play one role
	Place string // the host it is on; empty outside
	Node  *lab.Node

	Server  *traffic.Server
	Capture *traffic.Capture
}

// NewParty makes a party of a machine.
func NewParty(role, place string, node *lab.Node) (*Party, error) {
	c, err := traffic.NewCapture(node.NS, lab.Device)
	if err != nil {
		return nil, err
	}
	return &Party{Role: role, Place: place, Node: node, Server: traffic.NewServer(node.NS), Capture: c}, nil
}

// Close stops answering and recording.
func (p *Party) Close() error { return errors.Join(p.Server.Close(), p.Capture.Close()) }

// Name is the party's role and place.
func (p *Party) Name() string {
	if p.Place == "" {
		return p.Role
	}
	return p.Role + "@" + p.Place
}

func (p *Party) named(name string) bool { return name == "*" || name == p.Role || name == p.Name() }
