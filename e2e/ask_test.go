package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/netns"
	"github.com/ringfence/ringfence/internal/traffic"
)

// usual is what the matrices ask unless a sentence is about a service.
const usual = "tcp/80 udp/53 icmp"

// expect asks the usual of everyone, now.
func (n *tenant) expect(want string) {
	n.t.Helper()
	n.expectOf(usual, want)
}

// expectOf asks the services of everyone, now.
func (n *tenant) expectOf(services, want string) {
	n.t.Helper()
	expectMatrix(n.t, n.parties, nil, services, want)
}

// expectOneWay asks the services of one role's VMs by another's only. That is
// what protocols without ports need: packets the other way are answers.
func (n *tenant) expectOneWay(from, to, services, want string) {
	n.t.Helper()
	expectMatrix(n.t, n.parties, func(f, t *matrix.Party) bool { return f.Role == from && t.Role == to }, services, want)
}

// expectInert checks whether a rule is shown as one that can match nothing.
func (n *tenant) expectInert(group, rule string, want bool) {
	n.t.Helper()
	r, err := n.api.Rule(n.t.Context(), n.account, group, rule)
	if err != nil {
		n.t.Fatal(err)
	}
	if got := r.Inert != nil && *r.Inert == "empty-intersection"; got != want {
		n.t.Errorf("rule %s: inert %v, expected %t", rule, r.Inert, want)
	}
}

// expectFrom asks the servers for an echo from a further address of the client
// and checks whether they are reached.
func (n *tenant) expectFrom(client, address string, want bool) {
	n.t.Helper()
	from, src := n.party(client), netip.MustParseAddr(address)
	service, wait := mustServices(n.t, "icmp4")[0], longest
	if src.Is6() {
		service = mustServices(n.t, "icmp6")[0]
	}
	if !want {
		wait = 300 * time.Millisecond
	}
	forgetNeighbours(n.t, from) // whom it could not find with that address before
	for _, host := range hosts {
		to := n.party("server@" + host)
		asked := time.Now()
		ctx, cancel := context.WithTimeout(n.t.Context(), wait)
		answer, err := traffic.Ask(ctx, traffic.Question{
			Service: service, From: from.Node.NS, Src: src, Dst: to.Node.Address(service.Family),
		})
		cancel()
		if err != nil {
			n.t.Fatal(err)
		}
		// The capture may be read a little after the answer: it is asked only
		// where there is none.
		arrived := answer.OK || len(to.Capture.Find(asked, func(p *traffic.Packet) bool { return !p.Out && p.Src == src && p.Is(service) })) > 0
		if answer.OK != want || arrived != want {
			n.t.Errorf("%s from %s to %s: arrived %t, answered %t, expected %t", service, src, to.Name(), arrived, answer.OK, want)
		}
	}
}

// expectRefused sends a datagram to a port where nobody listens and checks
// that the ICMP error for it comes back.
func (n *tenant) expectRefused(client, server string, family int, port uint16) {
	n.t.Helper()
	if err := n.datagram(client, server, family, port, longest); !errors.Is(err, unix.ECONNREFUSED) {
		n.t.Errorf("udp%d/%d %s > %s: expected an ICMP error, got %v", family, port, client, server, err)
	}
}

// expectSilent does the same and checks that nothing comes back.
func (n *tenant) expectSilent(client, server string, family int, port uint16) {
	n.t.Helper()
	var timeout net.Error
	if err := n.datagram(client, server, family, port, 300*time.Millisecond); !errors.As(err, &timeout) || !timeout.Timeout() {
		n.t.Errorf("udp%d/%d %s > %s: expected silence, got %v", family, port, client, server, err)
	}
}

// datagram sends a datagram and returns what reading an answer says.
func (n *tenant) datagram(client, server string, family int, port uint16, wait time.Duration) error {
	n.t.Helper()
	to := netip.AddrPortFrom(n.party(server).Node.Address(family), port)
	c, err := netns.Open(n.party(client).Node.NS, func() (net.Conn, error) {
		return net.Dial(fmt.Sprintf("udp%d", family), to.String())
	})
	if err != nil {
		n.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		n.t.Fatal(err)
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	return err
}

// outside adds a machine behind the fabric, in the tenant's network; it is no
// NIC of ours.
func (n *tenant) outside(name string, octet int) *matrix.Party {
	n.t.Helper()
	p := outsideParty(n.t, n.dc.lab, n.vlan, name, fmt.Sprintf("10.0.0.%d/24", octet), fmt.Sprintf("fd00::%d/64", octet))
	n.parties = append(n.parties, p)
	return p
}

func outsideParty(t *testing.T, l *lab.Lab, vlan uint16, name string, addresses ...string) *matrix.Party {
	t.Helper()
	node, err := l.Outside(t.Context(), vlan, lab.NodeSpec{Name: name, Addresses: prefixes(t, addresses...)})
	if err != nil {
		t.Fatal(err)
	}
	return newParty(t, name, "", node)
}

func mustServices(t *testing.T, text string) []traffic.Service {
	t.Helper()
	services, err := matrix.ParseServices(text)
	if err != nil {
		t.Fatal(err)
	}
	return services
}
