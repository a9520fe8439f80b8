package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/httpapi/tokens"
)

// TestHostsCross: hosts come without TLS from this machine alone.
func TestHostsCross(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tokens")
	err := tokens.Update(file, func([]tokens.Entry) ([]tokens.Entry, error) {
		_, e := tokens.NewHost("h1", "h1", nil)
		return []tokens.Entry{e}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(t.TempDir(), "no.pem")
	if err := os.WriteFile(none, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ listen, ca, want string }{
		{"127.0.0.1:0", "", ""},
		{"localhost:1", "", ""},
		{"0.0.0.0:8444", "", "there is no TLS"},
		{":8444", "", "there is no TLS"},
		{"8444", "", "want host:port"},
		{"127.0.0.1:0", none, "certificates take TLS"},
	} {
		relay := relayCmd{etcdFlags: etcdFlags{Etcd: []string{"http://127.0.0.1:1"}}, HostsListen: c.listen, Tokens: file, hostsFlags: hostsFlags{HostCA: c.ca}}
		api := apiCmd{etcdFlags: relay.etcdFlags, listenFlags: listenFlags{Listen: "127.0.0.1:0"}, HostsListen: c.listen, Tokens: file, hostsFlags: relay.hostsFlags, AuditDays: 1, AuditEntries: 1}
		for what, err := range map[string]error{"relay": relay.check(), "api": api.check()} {
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s --hosts-listen %s: %v, want %q", what, c.listen, err, c.want)
			}
		}
	}
	api := apiCmd{etcdFlags: etcdFlags{Etcd: []string{"http://127.0.0.1:1"}}, listenFlags: listenFlags{Listen: "127.0.0.1:0"}, Tokens: file, hostsFlags: hostsFlags{HostCA: none}, AuditDays: 1, AuditEntries: 1}
	if err := api.check(); err == nil || !strings.Contains(err.Error(), "--host-ca: no hosts come") {
		t.Errorf("--host-ca alone: %v", err)
	}
}
