package faults

import (
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Relays say how relays show hosts who they are: files, PEM.
type Relays struct{ Cert, Key, CA string }

var relayNames = []string{"relay1", "relay2"}

// startRelays starts those that hosts go through, if they do.
func (p *Plane) startRelays(etcd []string) error {
	if p.relays == nil {
		return nil
	}
	for _, name := range relayNames {
		p.sites[name].program = []string{p.binary, "relay", "--etcd=" + strings.Join(etcd, ","), "--hosts-listen=" + p.relayAddress(name), "--tokens=" + filepath.Join(p.Dir, "tokens.json"),
			"--tls-cert=" + p.relays.Cert, "--tls-key=" + p.relays.Key}
		if err := p.Start(name); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plane) relayAddress(name string) string { return seatAddresses[name] + ":9443" }

func (p *Plane) hostToken(host string) string {
	return filepath.Join(p.Dir, "host-"+host+".token")
}

// policyFlags are those by which a host's controller gets the policy. It keeps no file
// of its share: an impostor has the same flags.
func (p *Plane) policyFlags(host string, etcd []string) []string {
	if p.relays == nil {
		return []string{"--etcd=" + strings.Join(etcd, ",")}
	}
	flags := []string{"--token-file=" + p.hostToken(host), "--ca-cert=" + p.relays.CA}
	for _, name := range relayNames {
		flags = append(flags, "--relay="+p.relayAddress(name))
	}
	return flags
}

// relayKinds are of relays, and drawn if hosts go through these.
func relayKinds() []Kind {
	return []Kind{
		{Name: "relay killed", Weight: 6, Targets: relayNames, Touches: itself, Shortest: 300 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: killed},
		{Name: "relay stopped", Weight: 5, Targets: relayNames, Touches: itself, Shortest: 300 * time.Millisecond, Longest: 3 * time.Second, Do: stopped},
		{Name: "relay cut off", Weight: 5, Targets: relayNames, Touches: itself, Shortest: 500 * time.Millisecond, Longest: 3 * time.Second, Do: cutOff},
	}
}

// ofRelays tells whether a kind is one of these.
func ofRelays(k Kind) bool {
	return slices.ContainsFunc(relayKinds(), func(r Kind) bool { return r.Name == k.Name })
}
