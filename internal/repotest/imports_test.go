package repotest

import (
	"slices"
	"strings"
	"testing"
)

// Only one package may know these libraries: whoever replaces one of them has
// one package to change.
func TestOneUserOfEachLibrary(t *testing.T) {
	for _, rule := range []struct{ library, user string }{
		{"go.etcd.io", "store"},
		{"github.com/labstack/echo", "httpapi"},
		{"github.com/alecthomas/kong", "cmd/ringfence"},
		{"github.com/ovn-kubernetes/libovsdb", "ovsdb"},
		{"github.com/cenkalti/rpc2", "ovsdb"},
		{"github.com/coreos/go-oidc", "httpapi/openid"},
		{"golang.org/x/oauth2", "httpapi/openid"},
		{"github.com/mdlayher/netlink", "controller/policing"},
	} {
		for _, s := range sources(t) {
			for _, imported := range s.imports {
				if within(imported, rule.library) && !within(s.dir, rule.user) {
					t.Errorf("%s imports %s: only %s may", s.path, imported, rule.user)
				}
			}
		}
	}
}

// Imports go one way. A package that is not listed here may import any of ours
// but the commands and the controller.
func TestImportsGoOneWay(t *testing.T) {
	allowed := map[string][]string{
		"secgroup":            {},
		"openflow":            {"openflow/internal/octets"},
		"openflow/wire":       {"openflow", "openflow/internal/octets"},
		"openflow/ofsim":      {"openflow"},
		"openflow/ofconn":     {"openflow", "openflow/wire"},
		"openflow/oftrace":    {},
		"packet":              {},
		"inquiry":             {"packet"},
		"inquiry/ends":        {"inquiry", "secgroup"},
		"ovsdb":               {},
		"unixctl":             {"packet"},
		"client":              {},
		"console":             {},
		"verdict":             {"packet", "secgroup"},
		"impact":              {"packet", "secgroup", "verdict"},
		"span":                {"secgroup"},
		"ofrules":             {"packet", "secgroup", "openflow", "span"},
		"store":               {"secgroup", "inquiry"},
		"plan":                {"secgroup", "verdict", "impact"},
		"httpapi":             {"secgroup", "verdict", "impact", "plan", "store", "inquiry"},
		"httpapi/strictjson":  {"secgroup"},
		"httpapi/transport":   {"secgroup", "plan", "store", "httpapi/strictjson", "httpapi/tokens"},
		"httpapi/tokens":      {"secgroup"},
		"httpapi/openid":      {"secgroup", "httpapi/tokens"},
		"httpapi/lasthour":    {"secgroup", "store", "inquiry"},
		"httpapi/hoststate":   {"secgroup", "plan", "store", "httpapi/realization", "httpapi/strictjson"},
		"httpapi/sse":         {},
		"httpapi/pages":       {"secgroup", "httpapi/transport"},
		"httpapi/effect":      {"packet", "secgroup", "verdict", "impact", "plan", "store", "inquiry", "httpapi/asking", "httpapi/realization", "httpapi/shape", "httpapi/strictjson"},
		"httpapi/audit":       {"secgroup", "plan", "store", "httpapi/effect", "httpapi/realization", "httpapi/shape", "httpapi/tokens", "httpapi/transport"},
		"httpapi/alarm":       {"secgroup", "store", "inquiry", "httpapi/asking", "httpapi/realization", "httpapi/strictjson", "httpapi/tracing", "httpapi/transport"},
		"httpapi/change":      {"secgroup", "plan", "store", "httpapi/effect", "httpapi/realization", "httpapi/shape", "httpapi/strictjson", "httpapi/transport"},
		"httpapi/replay":      {"secgroup", "store", "httpapi/change", "httpapi/effect", "httpapi/realization", "httpapi/transport"},
		"httpapi/asking":      {"packet", "secgroup", "verdict", "inquiry", "httpapi/transport"},
		"httpapi/tracing":     {"packet", "secgroup", "verdict", "store", "inquiry", "httpapi/asking", "httpapi/realization", "httpapi/strictjson", "httpapi/transport"},
		"httpapi/realization": {"secgroup", "impact", "plan", "store"},
		"httpapi/inspect":     {"packet", "secgroup", "verdict", "store", "inquiry", "httpapi/asking", "httpapi/realization", "httpapi/shape", "httpapi/strictjson", "httpapi/transport"},
		"httpapi/shape":       {"packet", "secgroup", "verdict", "plan", "store", "inquiry", "httpapi/realization", "httpapi/strictjson", "httpapi/tracing"},

		"relay":      {"relay/wire", "secgroup", "impact", "span", "store", "inquiry", "inquiry/ends"},
		"relay/wire": {"packet", "secgroup", "verdict", "impact", "span"},

		"cmd/ringfence/internal/failure":  {"client"},
		"cmd/ringfence/internal/output":   {"cmd/ringfence/internal/failure"},
		"cmd/ringfence/internal/devstate": {"cmd/ringfence/internal/failure", "httpapi/tokens"},
		"cmd/ringfence/internal/session":  {"client", "cmd/ringfence/internal/certfile", "cmd/ringfence/internal/devstate", "cmd/ringfence/internal/failure", "cmd/ringfence/internal/output"},
		"cmd/ringfence/internal/policy":   {"client", "cmd/ringfence/internal/failure", "cmd/ringfence/internal/output", "cmd/ringfence/internal/session"},
		"cmd/ringfence/internal/platform": {"client", "cmd/ringfence/internal/failure", "cmd/ringfence/internal/output", "cmd/ringfence/internal/session"},
		"cmd/ringfence/internal/look":     {"client", "cmd/ringfence/internal/failure", "cmd/ringfence/internal/output", "cmd/ringfence/internal/platform", "cmd/ringfence/internal/session"},
		"cmd/ringfence/internal/debug":    {"client", "ofrules", "cmd/ringfence/internal/failure", "cmd/ringfence/internal/output", "cmd/ringfence/internal/session"},

		"store/embedded":            {"store/internal/link"},
		"store/internal/record":     {"secgroup"},
		"store/internal/batch":      {},
		"store/internal/link":       {"secgroup", "store/internal/record"},
		"store/internal/questions":  {"inquiry", "store/internal/link", "store/internal/record"},
		"store/internal/membership": {"store/internal/link", "store/internal/record"},
		"store/internal/history":    {"store/internal/link", "store/internal/record"},
		"store/internal/hosts":      {"store/internal/history", "store/internal/link", "store/internal/record"},
		"store/internal/reporting":  {"store/internal/link", "store/internal/record"},

		"controller/elsewhere": {"controller/internal/pause", "ovsdb", "store"},
		"controller/policing":  {"ovsdb"},
		"controller/ownership": {"controller/internal/pause"},
		"controller/megaflow":  {"controller/internal/pause", "inquiry", "ofrules", "openflow/wire", "openflow/ofconn", "unixctl"},
		"controller/share":     {"secgroup", "impact", "span", "store"},
		"controller/kept":      {"controller/share", "span", "relay/wire"},
		"controller/whole":     {"controller/share", "controller/desk", "secgroup", "impact", "span", "store", "inquiry", "inquiry/ends"},
		"controller/upstream":  {"controller/internal/pause", "controller/share", "relay/wire", "impact", "inquiry", "span", "store"},
		"controller/revoke":    {"controller/megaflow", "secgroup", "verdict", "impact", "openflow", "openflow/wire", "openflow/ofconn", "ofrules", "unixctl"},
		"controller/desk":      {"packet", "controller/internal/pause", "secgroup", "span", "verdict", "openflow", "openflow/wire", "openflow/ofconn", "openflow/oftrace", "ofrules", "unixctl", "inquiry"},
		"controller":           {"controller/internal/pause", "controller/desk", "controller/elsewhere", "controller/megaflow", "controller/ownership", "controller/policing", "controller/revoke", "controller/share", "controller/kept", "secgroup", "impact", "span", "openflow", "openflow/wire", "openflow/ofconn", "ofrules", "ovsdb", "unixctl", "store", "inquiry"},
	}
	for _, s := range sources(t) {
		if s.test {
			continue // tests compare a package with its neighbours
		}
		for _, imported := range s.imports {
			ours, ok := strings.CutPrefix(imported, module+"/")
			if !ok {
				continue
			}
			list, listed := allowed[s.dir]
			switch {
			case within(ours, s.dir): // its own internals
			case listed && !slices.Contains(list, ours):
				t.Errorf("%s imports %s: %s may import %v of ours", s.path, ours, s.dir, list)
			case !listed && (within(ours, "controller") || within(ours, "cmd")) && !within(s.dir, "cmd"):
				t.Errorf("%s imports %s: only commands may", s.path, ours)
			}
		}
	}
}

// The compiler is a pure function, and so is what it is given: they cannot read a
// file, a socket or a clock, and cannot log.
func TestTheCompilerIsPure(t *testing.T) {
	for _, s := range sources(t) {
		if !within(s.dir, "ofrules") && !within(s.dir, "span") || s.test {
			continue
		}
		for _, imported := range s.imports {
			for _, impure := range []string{"os", "net", "time", "log", "io/fs", "syscall", "math/rand", "crypto/rand", "unsafe"} {
				if within(imported, impure) && imported != "net/netip" {
					t.Errorf("%s imports %s: the compiler does no I/O, reads no clock and writes no log", s.path, imported)
				}
			}
		}
	}
}

// The client is for other people's programs: it brings nothing with it.
func TestTheClientNeedsTheStandardLibraryAlone(t *testing.T) {
	for _, s := range sources(t) {
		if s.dir != "client" || s.test {
			continue
		}
		for _, imported := range s.imports {
			if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s", s.path, imported)
			}
		}
	}
}
